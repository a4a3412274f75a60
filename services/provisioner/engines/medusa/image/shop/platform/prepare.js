"use strict"

// Brings database and volume to the version of this image, before anything else uses them: an empty database gets the
// template that was made when the image was built, in one transaction and a second; an older one is migrated. Run again it
// finds all done.

const { spawnSync } = require("node:child_process")
const { mkdirSync, readFileSync } = require("node:fs")
const path = require("node:path")
const { version } = require("@medusajs/medusa/package.json")
const database = require("./database")

const shop = path.join(__dirname, "..")

// Says that trying again is of no use; engine.yaml knows it.
const notEmpty = 78

async function restore(client) {
  const { rows } = await client.query("select count(*)::int as count from pg_class where relnamespace = 'public'::regnamespace")
  if (rows[0].count > 0) {
    console.error("The database holds tables that aren't a store's; it is left as it is.")
    return notEmpty
  }
  await client.query("begin")
  await client.query(readFileSync(process.env.TEMPLATE || path.join(shop, "template.sql"), "utf8"))
  await client.query("commit")
  console.log(`Made the tables of Medusa ${version}.`)
  return 0
}

async function migrate(client, from) {
  console.log(`Migrating from Medusa ${from} to ${version}.`)
  const cli = path.join(path.dirname(require.resolve("@medusajs/cli/package.json")), "cli.js")
  const ended = spawnSync(process.execPath, [cli, "db:migrate", "--execute-safe-links"], { stdio: "inherit" })
  if (ended.status !== 0) {
    throw new Error(`db:migrate ended with ${ended.status ?? ended.signal}`)
  }
  await database.saveVersion(client, version)
  return 0
}

for (const folder of ["static", "private"]) {
  mkdirSync(path.join(shop, "files", folder), { recursive: true })
}

database
  .alone(async (client) => {
    const found = await database.state(client)
    if (!found) {
      return restore(client)
    }
    return found.version === version ? 0 : migrate(client, found.version)
  })
  .then((code) => process.exit(code))
  .catch((error) => {
    console.error(`The database couldn't be prepared: ${error.message}`)
    process.exit(1)
  })
