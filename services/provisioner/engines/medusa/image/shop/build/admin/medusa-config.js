"use strict"

const { defineConfig } = require("@medusajs/framework/utils")

// By the function that the shop's own configuration goes through, so that the pages are built for the path where they are
// handed out: told nothing, the bundler builds them for "/". Besides they need to know nothing: they ask the server that
// they come from.
module.exports = defineConfig({ admin: { backendUrl: "/" } })
