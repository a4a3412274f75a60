"use strict"

// Whether a store's Redis takes what it is given, where it has one. Medusa waits without end for one that doesn't answer.

const Redis = require("ioredis")
const settings = require("../settings")

// As patience.js, and a server that has gone without a word is connected to anew.
const patience = { commandTimeout: 1500, connectTimeout: 1500, socketTimeout: 10_000, maxRetriesPerRequest: 1 }

let client

function connected(url) {
  if (!client) {
    client = new Redis(url, patience)
    // What is wrong the next command says. Without a listener each attempt to connect would be a line in the log.
    client.on("error", () => {})
  }
  return client
}

// redisKeeps is a cause of engine.yaml, empty for none, in time. What it writes goes by itself.
async function redisKeeps() {
  const url = settings.redisUrl()
  if (!url) {
    return ""
  }
  try {
    await connected(url).set("platform:written", "room", "EX", 60)
    return ""
  } catch (error) {
    if (error.name !== "ReplyError") {
      return "RedisNotAnswering"
    }
    return /^OOM |No space left/.test(error.message) ? "RedisFull" : "RedisNotWriting"
  }
}

module.exports = { redisKeeps }
