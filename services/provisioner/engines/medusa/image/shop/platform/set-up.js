"use strict"

// Sets the shop up once, before it serves for the first time, and again when its merchant changes an option. A shop that is
// as it was asked for is left alone: nothing that a merchant has changed since comes back, and it takes a tenth of a second.

const { isDeepStrictEqual } = require("node:util")
const path = require("node:path")
const database = require("./database")
const settings = require("./settings")

database
  .alone(async (client) => {
    const found = await database.state(client)
    if (!found) {
      throw new Error("the database isn't prepared")
    }
    if (found.setup && isDeepStrictEqual(found.setup.options, settings.options())) {
      return
    }
    // Loaded only here, for it takes seconds. It ends the process itself, with 1 after an error.
    const exec = require("@medusajs/medusa/commands/exec").default
    await exec({ file: path.join(__dirname, "setup", "index.js"), args: [] })
  })
  .then(() => process.exit(0))
  .catch((error) => {
    console.error(`The shop couldn't be set up: ${error.message}`)
    process.exit(1)
  })
