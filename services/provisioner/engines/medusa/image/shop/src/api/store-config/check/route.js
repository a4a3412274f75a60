"use strict"

// GET /store-config/check is the platform's light question: whether the shop keeps what it sells. Whether it sells is what
// readiness asks all day (the route above). The causes are those of engine.yaml.

const { unlink, writeFile } = require("node:fs/promises")
const path = require("node:path")
const { databaseKeeps } = require("../../../../platform/check/database")
const { redisKeeps } = require("../../../../platform/check/redis")

// How old an answer may be: anybody can ask, and each look writes. What is wrong is looked at again before the platform, which
// asks each second then, would take one bad look for two.
const wellFor = 20_000
const illFor = 1_000

const folder = path.join(__dirname, "../../../../files")
const full = new Set(["ENOSPC", "EDQUOT"])

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

let last = { at: -Infinity, cause: "" }
let looking

async function look(logger) {
  const cause = (await databaseKeeps()) || (await redisKeeps()) || (await filesKeep())
  // Once, for those who ask would fill the log.
  if (cause && cause !== last.cause) {
    logger.warn(`The shop doesn't keep what it is given: ${cause}`)
  }
  last = { at: Date.now(), cause }
}

async function GET(req, res) {
  if (Date.now() - last.at >= (last.cause ? illFor : wellFor)) {
    looking ??= look(req.scope.resolve("logger")).finally(() => (looking = undefined))
    await looking
  }
  res.set("Cache-Control", "no-store")
  if (last.cause) {
    return res.status(503).json({ ok: false, cause: last.cause })
  }
  res.json({ ok: true })
}

module.exports = { GET }
