"use strict"

// What a new shop begins with. Every part looks for what it would make and makes what is missing, because the pod may be
// killed anywhere, also between two writes of one of Medusa's workflows; only at the end does the platform's page say that
// the shop is set up, and until then it answers nobody.

const database = require("../database")
const settings = require("../settings")
const { ensureAdmin } = require("./admin")
const { ensureMarket, ensureStore, ensurePublishableKey } = require("./market")
const { ensureDelivery } = require("./delivery")
const { ensureProducts } = require("./products")

async function setUp({ container }) {
  const client = await database.connect()
  try {
    const { setup: before } = await database.state(client)
    const options = settings.options()
    // Once the shop is open its people and products are the merchant's: a changed option changes what is named after it.
    if (!before) {
      await ensureAdmin(container)
    }
    const channel = await ensurePublishableKey(container)
    const region = await ensureMarket(container, options, before)
    const delivery = await ensureDelivery(container, { options, channel: channel.id, region })
    await ensureStore(container, { options, channel: channel.id, region, location: delivery.location, before })
    if (!before) {
      await ensureProducts(container, { options, channel: channel.id, ...delivery })
    }
    await database.saveSetup(client, { options, region, publishableKey: channel.publishableKey })
  } finally {
    await client.end()
  }
}

module.exports = { default: setUp }
