"use strict"

// Everything that a store's server is told, read in one place from its environment. A missing value stops the start with
// its name: Medusa would fall back to a secret that everybody knows, or to a database on localhost.

function required(name) {
  const value = process.env[name]
  if (!value) {
    throw new Error(`${name} isn't set`)
  }
  return value
}

function database() {
  return {
    host: required("DATABASE_HOST"),
    port: Number(process.env.DATABASE_PORT || 5432),
    database: required("DATABASE_NAME"),
    user: required("DATABASE_USER"),
    password: required("DATABASE_PASSWORD"),
    ssl: process.env.DATABASE_TLS === "true",
  }
}

function databaseUrl() {
  const { host, port, database: name, user, password } = database()
  return `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}:${port}/${encodeURIComponent(name)}`
}

function redisUrl() {
  const host = process.env.REDIS_HOST
  return host ? `redis://:${encodeURIComponent(required("REDIS_PASSWORD"))}@${host}:6379` : undefined
}

// What the merchant chose. Medusa writes currencies and countries in small letters.
function options() {
  return {
    title: required("SHOP_TITLE"),
    currency: required("SHOP_CURRENCY").toLowerCase(),
    country: required("SHOP_COUNTRY").toLowerCase(),
    sampleProducts: Number(process.env.SHOP_SAMPLE_PRODUCTS || 0),
  }
}

module.exports = { required, database, databaseUrl, redisUrl, options }
