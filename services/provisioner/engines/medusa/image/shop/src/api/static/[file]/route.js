"use strict"

// Public files are answered before any route is asked, so what arrives here is a private one or isn't there. The
// middleware beside this folder lets only people of the admin pages through.

const path = require("node:path")

const root = path.join(__dirname, "../../../../files/private")

async function GET(req, res) {
  res.set("Cache-Control", "no-store")
  res.sendFile(req.params.file, { root, dotfiles: "deny" }, (error) => {
    if (error && !res.headersSent) {
      res.sendStatus(404)
    }
  })
}

module.exports = { GET }
