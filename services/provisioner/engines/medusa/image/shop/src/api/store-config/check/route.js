"use strict"

// GET /store-config/check is the platform's light question: whether the shop keeps what it sells. Whether it sells is what
// readiness asks all day (the route above). The causes are those of engine.yaml.

const { unlink, writeFile } = require("node:fs/promises")
const path = require("node:path")
const { inTime } = require("../../../../platform/patience")

// How old an answer may be when all was well: anybody can ask, and each look writes.
const wellFor = 20_000

const folder = path.join(__dirname, "../../../../files")
const full = new Set(["ENOSPC", "EDQUOT"])

// An emptied table is a new file, so that this needs room, which an insert alone may not for a long while. As much as an order
// and its kin may take; as it is in no log and not packed, it costs the server a copy in memory.
const emptied = `set local lock_timeout = '200ms'; truncate platform.written;
  insert into platform.written values (repeat('room', 65536))`
const made = `create unlogged table if not exists platform.written (room text not null);
  alter table platform.written alter room set storage external`
const refusals = { 25006: "DatabaseReadOnly", 53100: "DatabaseFull" }

async function write(database) {
  try {
    await database.raw(emptied)
  } catch (error) {
    switch (error.code) {
      case "42P01":
        await database.raw(made)
        return database.raw(emptied)
      // Somebody reads it, as a dump does until its end.
      case "55P03":
        return database.raw("insert into platform.written values ('')")
    }
    throw error
  }
}

// One at a time: a database that hangs mustn't have every connection that the shop's requests need.
let writing

async function databaseKeeps(database) {
  writing ??= write(database).finally(() => (writing = undefined))
  try {
    await inTime(writing)
    return ""
  } catch (error) {
    return refusals[error.code] ?? (error.code ? "DatabaseNotWriting" : "DatabaseNotAnswering")
  }
}

// A new file, because one that is written over needs no room.
async function filesKeep() {
  const file = path.join(folder, ".store-platform-check")
  try {
    await unlink(file).catch(() => {})
    await writeFile(file, "room\n".repeat(1000))
    return ""
  } catch (error) {
    return full.has(error.code) ? "FilesFull" : "FilesReadOnly"
  } finally {
    await unlink(file).catch(() => {})
  }
}

let looked
let well = 0

async function look(scope) {
  const cause = (await databaseKeeps(scope.resolve("__pg_connection__"))) || (await filesKeep())
  if (cause) {
    scope.resolve("logger").warn(`The shop doesn't keep what it is given: ${cause}`)
  } else {
    well = Date.now()
  }
  return cause
}

async function GET(req, res) {
  res.set("Cache-Control", "no-store")
  if (Date.now() - well < wellFor) {
    return res.json({ ok: true })
  }
  looked ??= look(req.scope).finally(() => (looked = undefined))
  const cause = await looked
  if (cause) {
    return res.status(503).json({ ok: false, cause })
  }
  res.json({ ok: true })
}

module.exports = { GET }
