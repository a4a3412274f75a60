"use strict"

const path = require("node:path")
const { defineConfig } = require("@medusajs/framework/utils")
const settings = require("./platform/settings")

const storeUrl = settings.required("STORE_URL")
const redisUrl = settings.redisUrl()
const { ssl } = settings.database()

const files = {
  resolve: "@medusajs/medusa/file",
  options: {
    providers: [
      {
        resolve: "@medusajs/medusa/file-local",
        id: "local",
        options: {
          upload_dir: path.join(__dirname, "files/static"),
          // Exports hold customers' addresses, and the default puts them where everybody may fetch them. The route
          // src/api/static hands them to people who are signed in.
          private_upload_dir: path.join(__dirname, "files/private"),
          backend_url: `${storeUrl}/static`,
        },
      },
    ],
  },
}

// A boot on a busy machine keeps Node's loop for longer than the ten seconds that a connection has by default. The events'
// worker ends when its connection isn't there in time, and nobody starts it again.
const redisOptions = { connectTimeout: 120_000 }

// One replica needs none of these. With Redis, sessions, running workflows and events survive a restart.
function redisModules(redisUrl) {
  const redis = { redisUrl, redisOptions }
  return [
    { resolve: "@medusajs/medusa/cache-redis", options: redis },
    { resolve: "@medusajs/medusa/event-bus-redis", options: redis },
    { resolve: "@medusajs/medusa/workflow-engine-redis", options: { redis } },
    {
      resolve: "@medusajs/medusa/locking",
      options: {
        providers: [{ resolve: "@medusajs/medusa/locking-redis", id: "locking-redis", is_default: true, options: redis }],
      },
    },
  ]
}

module.exports = defineConfig({
  projectConfig: {
    databaseUrl: settings.databaseUrl(),
    databaseDriverOptions: { connection: { ssl }, pool: { min: 1, max: Number(process.env.DATABASE_POOL || 10) } },
    redisUrl,
    redisOptions,
    http: {
      storeCors: storeUrl,
      adminCors: storeUrl,
      authCors: storeUrl,
      jwtSecret: settings.required("JWT_SECRET"),
      cookieSecret: settings.required("COOKIE_SECRET"),
    },
    // In production Medusa sends its session by TLS only, so that nobody could sign in to a store reached by plain http.
    cookieOptions: { secure: storeUrl.startsWith("https:"), sameSite: "lax" },
  },
  modules: redisUrl ? [files, ...redisModules(redisUrl)] : [files],
})
