"use strict"

// Whether a store's database keeps what it is given. It is asked over a connection of its own, which is kept: in a sale the
// shop's requests may have all of theirs for seconds, which says nothing of the database.

const { Client, DatabaseError } = require("pg")
const { inTime } = require("../patience")
const settings = require("../settings")

// Longer than anybody waits, for what hangs may have a process at the server that can't be ended: a new connection for each
// look would soon leave none. A server that has gone without a word is let go of by it, too.
const letGo = { connectionTimeoutMillis: 10_000, query_timeout: 30_000 }

// An emptied table is a new file, so that this needs room, which an insert alone may not for a long while. As much as an order
// and its kin may take; as it is in no log and not packed, it costs the server a copy in memory.
const emptied = `set local lock_timeout = '200ms'; truncate platform.written;
  insert into platform.written values (repeat('room', 65536))`
const made = `create unlogged table if not exists platform.written (room text not null);
  alter table platform.written alter room set storage external`

const refusals = { 25006: "DatabaseReadOnly", 53100: "DatabaseFull" }
// Numbers of a server that starts, ends or takes no more connections.
const away = /^(08|53300|57P)/

let client

function leave(left) {
  if (client === left) {
    client = undefined
  }
  left.end().catch(() => {})
}

async function connected() {
  if (!client) {
    const fresh = new Client({ ...settings.database(), ...letGo })
    fresh.on("error", () => leave(fresh))
    await fresh.connect()
    client = fresh
  }
  return client
}

async function insert(database) {
  try {
    await database.query(emptied)
  } catch (error) {
    switch (error.code) {
      case "42P01":
        await database.query(made)
        return database.query(emptied)
      // Somebody reads it, as a dump does until its end.
      case "55P03":
        return database.query("insert into platform.written values ('')")
    }
    throw error
  }
}

async function write() {
  const database = await connected()
  try {
    await insert(database)
  } catch (error) {
    if (!(error instanceof DatabaseError)) {
      leave(database)
    }
    throw error
  }
}

// One at a time, also when nobody waits for it any more.
let writing

// databaseKeeps is a cause of engine.yaml, empty for none, in time.
async function databaseKeeps() {
  writing ??= write().finally(() => (writing = undefined))
  try {
    await inTime(writing)
    return ""
  } catch (error) {
    if (!(error instanceof DatabaseError) || away.test(error.code)) {
      return "DatabaseNotAnswering"
    }
    return refusals[error.code] ?? "DatabaseNotWriting"
  }
}

module.exports = { databaseKeeps }
