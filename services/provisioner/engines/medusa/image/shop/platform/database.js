"use strict"

// The platform's own page in a store's database: the schema "platform", beside Medusa's tables, says which version of the
// tables is there and whether the shop is set up. It is written in the same transactions as what it speaks of.

const { setTimeout: sleep } = require("node:timers/promises")
const { Client } = require("pg")
const settings = require("./settings")

// Nobody but us takes this lock; its number has no meaning.
const lock = 7_305_126

// These answers won't change by asking again: no such role or database, or a wrong password.
const final = new Set(["28P01", "28000", "3D000"])

// connect waits until the database takes connections; a new one is still being made when this is first called.
async function connect() {
  const deadline = Date.now() + Number(process.env.DATABASE_WAIT_SECONDS || 120) * 1000
  for (let told = false; ; ) {
    const client = new Client({ ...settings.database(), connectionTimeoutMillis: 2000 })
    try {
      await client.connect()
      return client
    } catch (error) {
      await client.end().catch(() => {})
      if (Date.now() > deadline || (final.has(error.code) && told === error.code)) {
        throw error
      }
      if (told !== (error.code || error.message)) {
        told = error.code || error.message
        console.log(`The database doesn't answer yet: ${error.message || error.code}`)
      }
      await sleep(250)
    }
  }
}

// alone runs work with a connection that one process at a time has: a pod that comes while the old one still ends waits here.
async function alone(work) {
  const client = await connect()
  try {
    await client.query("select pg_advisory_lock($1)", [lock])
    return await work(client)
  } finally {
    await client.end()
  }
}

// state is null while the database isn't ours, else {version, setup}; setup is null until the shop is set up once.
async function state(client) {
  const { rows } = await client.query("select to_regclass('platform.state') is not null as ours")
  if (!rows[0].ours) {
    return null
  }
  const found = await client.query("select version, setup from platform.state")
  return found.rows[0]
}

async function saveVersion(client, version) {
  await client.query("update platform.state set version = $1", [version])
}

async function saveSetup(client, setup) {
  await client.query("update platform.state set setup = $1", [JSON.stringify(setup)])
}

module.exports = { connect, alone, state, saveVersion, saveSetup }
