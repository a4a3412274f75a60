"use strict"

// Starts Medusa. As the first process of a container Node has no default answer to SIGTERM, and Medusa listens to it only
// once it serves; without a listener from the start, a pod deleted while it boots would live until it is killed.

require("./bounds")
const start = require("@medusajs/medusa/commands/start").default

const leave = () => process.exit(0)
process.on("SIGTERM", leave)
process.on("SIGINT", leave)

start({ directory: process.cwd(), port: Number(process.env.PORT || 9000), host: "0.0.0.0" }).then(() => {
  process.off("SIGTERM", leave)
  process.off("SIGINT", leave)
})
