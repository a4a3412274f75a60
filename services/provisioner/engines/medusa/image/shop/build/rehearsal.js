"use strict"

// Opens a shop that was set up and asks it what a storefront and an admin's browser would, before its image is made.

const { spawn } = require("node:child_process")
const { setTimeout: sleep } = require("node:timers/promises")

const address = `http://127.0.0.1:${process.env.PORT}`

async function ask(path, { key, body } = {}) {
  const headers = { ...(key && { "x-publishable-api-key": key }), ...(body && { "content-type": "application/json" }) }
  const answer = await fetch(new URL(path, address), { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) })
  if (answer.status !== 200) {
    throw new Error(`${path} answered ${answer.status}`)
  }
  return answer
}

async function open(server) {
  for (let tries = 0; ; tries++) {
    if (server.exitCode !== null) {
      throw new Error(`the server ended with ${server.exitCode}`)
    }
    try {
      await ask("/health")
      return
    } catch (error) {
      if (tries === 1200) {
        throw error
      }
      await sleep(500)
    }
  }
}

// The rehearsal's currency has no hundredths: an amount that nobody scaled shows.
function expectWhole(name, amount) {
  if (!Number.isInteger(amount)) {
    throw new Error(`${name} costs ${amount}, which nobody can pay`)
  }
}

// On an image that can't say that it sells, every store would be Degraded.
async function check() {
  const { ok } = await (await ask("/store-config/check")).json()
  if (ok !== true) {
    throw new Error("the shop doesn't say that it keeps what it sells")
  }
}

async function browse() {
  const { region, country, publishableKey: key } = await (await ask("/store-config")).json()
  const list = await ask(`/store/products?region_id=${region.id}&fields=handle,*variants.calculated_price`, { key })
  const { count, products } = await list.json()
  if (count !== Number(process.env.SHOP_SAMPLE_PRODUCTS)) {
    throw new Error(`the shop has ${count} products`)
  }
  for (const { handle, variants } of products) {
    variants.forEach((variant) => expectWhole(handle, variant.calculated_price?.calculated_amount))
  }
  const where = { region_id: region.id, shipping_address: { country_code: country.toLowerCase() } }
  const { cart } = await (await ask("/store/carts", { key, body: where })).json()
  const { shipping_options: ways } = await (await ask(`/store/shipping-options?cart_id=${cart.id}`, { key })).json()
  if (ways.length === 0) {
    throw new Error("the shop delivers nowhere")
  }
  ways.forEach((way) => expectWhole(way.name, way.amount))
}

const kinds = { js: "javascript", css: "css" }

// What the page of the admin asks for is there, where it asks for it. By its kind: any path below /app is answered, with the
// page if need be, and a page that starts nothing is blank.
async function openAdmin() {
  const page = await (await ask("/app")).text()
  const parts = [...page.matchAll(/\s(?:src|href)="([^"]+\.(js|css))"/g)]
  if (!parts.some(([, , kind]) => kind === "js")) {
    throw new Error("the admin page starts nothing")
  }
  for (const [, path, kind] of parts) {
    const type = (await ask(path)).headers.get("content-type")
    if (!type?.includes(kinds[kind])) {
      throw new Error(`${path} is a ${type}`)
    }
  }
}

const server = spawn(process.execPath, ["platform/serve.js"], { stdio: "inherit" })
open(server)
  .then(check)
  .then(browse)
  .then(openAdmin)
  .then(() => {
    console.log("The shop opens.")
    process.exitCode = 0
  })
  .catch((error) => {
    console.error(`The shop doesn't open: ${error.message}`)
    process.exitCode = 1
  })
  .finally(() => server.kill("SIGTERM"))
