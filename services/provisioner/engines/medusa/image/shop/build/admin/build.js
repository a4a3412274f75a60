"use strict"

// Builds the admin pages only: the rest is plain JavaScript, and `medusa build` would want a TypeScript compiler for it. That
// command also ends with 0 when it has failed, so what counts is the page itself.

const { existsSync } = require("node:fs")
const path = require("node:path")
const { Compiler } = require("@medusajs/framework/build-tools")
const { logger } = require("@medusajs/framework/logger")

// The folder of the configuration; the pages go to the shop's own.
const root = path.join(__dirname, "../..")

async function main() {
  const bundler = await import("@medusajs/admin-bundler")
  const built = await new Compiler(__dirname, logger).buildAppFrontend(false, { options: { outDir: root } }, bundler)
  if (!built || !existsSync(path.join(root, "public/admin/index.html"))) {
    throw new Error("the admin pages weren't built")
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error.message)
    process.exit(1)
  },
)
