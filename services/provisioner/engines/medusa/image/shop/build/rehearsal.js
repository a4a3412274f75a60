"use strict"

// Opens a shop that was set up and asks it what a storefront and an admin would, before its image is made.

const { spawn } = require("node:child_process")
const { setTimeout: sleep } = require("node:timers/promises")

const address = `http://127.0.0.1:${process.env.PORT}`

async function ask(path, headers) {
  const answer = await fetch(address + path, { headers })
  if (answer.status !== 200) {
    throw new Error(`${path} answered ${answer.status}`)
  }
  return answer
}

async function rehearse(server) {
  for (let tries = 0; ; tries++) {
    if (server.exitCode !== null) {
      throw new Error(`the server ended with ${server.exitCode}`)
    }
    try {
      await ask("/health")
      break
    } catch (error) {
      if (tries === 1200) {
        throw error
      }
      await sleep(500)
    }
  }
  const config = await (await ask("/store-config")).json()
  const list = await ask(`/store/products?region_id=${config.region.id}`, { "x-publishable-api-key": config.publishableKey })
  const { count } = await list.json()
  if (count !== Number(process.env.SHOP_SAMPLE_PRODUCTS)) {
    throw new Error(`the shop has ${count} products`)
  }
  const page = await (await ask("/app")).text()
  if (!page.includes("<script")) {
    throw new Error("the admin pages aren't there")
  }
}

const server = spawn(process.execPath, ["platform/serve.js"], { stdio: "inherit" })
rehearse(server)
  .then(() => {
    console.log("The shop opens.")
    process.exitCode = 0
  })
  .catch((error) => {
    console.error(`The shop doesn't open: ${error.message}`)
    process.exitCode = 1
  })
  .finally(() => server.kill("SIGTERM"))
