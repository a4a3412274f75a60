"use strict"

// Bounds what a client may take of the server. Medusa makes its HTTP server itself and has no setting for any of this, so
// whoever requires this file first has every server made with it.

const http = require("node:http")

const timeouts = {
  headersTimeout: 10_000,
  // The whole of a request, however steadily its bytes come.
  requestTimeout: 30_000,
  // Node looks twice a minute otherwise.
  connectionsCheckingInterval: 1_000,
}

// Medusa keeps uploads in memory until they are whole. Anything else that it reads is at most 100 kB.
const large = 128 * 1024
const largest = 36 * 1024 * 1024
const largeAtOnce = 4

const createServer = http.createServer
let under = 0

http.createServer = (handler) =>
  createServer(timeouts, (req, res) => {
    // Of a length that isn't told the worst is thought.
    const length = "transfer-encoding" in req.headers ? largest : Number(req.headers["content-length"] ?? 0)
    if (length <= large) {
      return handler(req, res)
    }
    if (length > largest || under >= largeAtOnce) {
      res.writeHead(length > largest ? 413 : 429, { connection: "close" }).end()
      return
    }
    under++
    res.once("close", () => under--)
    handler(req, res)
  })
