"use strict"

// From where to where goods travel, and what that costs.

const { ContainerRegistrationKeys, Modules } = require("@medusajs/framework/utils")
const {
  createShippingOptionsWorkflow,
  createShippingProfilesWorkflow,
  createStockLocationsWorkflow,
  deleteShippingOptionsWorkflow,
  linkSalesChannelsToStockLocationWorkflow,
} = require("@medusajs/core-flows")
const { priceIn } = require("./prices")

const provider = "manual_manual"
// In euros.
const price = 4.9

// ensureDelivery answers the ids of the stock location and of the shipping profile that products need.
async function ensureDelivery(container, { options, channel, region }) {
  const location = await ensureLocation(container, { country: options.country, channel })
  const profile = await ensureProfile(container)
  const zone = await ensureZone(container, { country: options.country, location })
  await ensureShippingOption(container, { zone, profile, region, currency: options.currency })
  return { location, profile }
}

async function ensureLocation(container, { country, channel }) {
  const query = container.resolve(ContainerRegistrationKeys.QUERY)
  const link = container.resolve(ContainerRegistrationKeys.LINK)
  const find = async () => {
    const { data } = await query.graph({
      entity: "stock_location",
      fields: ["id", "sales_channels.id", "fulfillment_providers.id"],
      pagination: { order: { created_at: "ASC" }, take: 1 },
    })
    return data[0]
  }
  let location = await find()
  if (!location) {
    await createStockLocationsWorkflow(container).run({
      input: { locations: [{ name: "Stock room", address: { address_1: "", country_code: country.toUpperCase() } }] },
    })
    location = await find()
  }
  if (!location.sales_channels?.some((linked) => linked?.id === channel)) {
    await linkSalesChannelsToStockLocationWorkflow(container).run({ input: { id: location.id, add: [channel] } })
  }
  if (!location.fulfillment_providers?.some((linked) => linked?.id === provider)) {
    await link.create({
      [Modules.STOCK_LOCATION]: { stock_location_id: location.id },
      [Modules.FULFILLMENT]: { fulfillment_provider_id: provider },
    })
  }
  return location.id
}

async function ensureProfile(container) {
  const [profile] = await container.resolve(Modules.FULFILLMENT).listShippingProfiles({ type: "default" })
  if (profile) {
    return profile.id
  }
  const { result } = await createShippingProfilesWorkflow(container).run({
    input: { data: [{ name: "Goods", type: "default" }] },
  })
  return result[0].id
}

async function ensureZone(container, { country, location }) {
  const query = container.resolve(ContainerRegistrationKeys.QUERY)
  const link = container.resolve(ContainerRegistrationKeys.LINK)
  const fulfillment = container.resolve(Modules.FULFILLMENT)
  const relations = ["service_zones", "service_zones.geo_zones"]
  let [set] = await fulfillment.listFulfillmentSets({ name: "Delivery" }, { relations })
  if (!set) {
    const zone = { name: "Home country", geo_zones: [{ type: "country", country_code: country }] }
    set = await fulfillment.createFulfillmentSets({ name: "Delivery", type: "shipping", service_zones: [zone] })
  }
  const { data } = await query.graph({ entity: "stock_location", fields: ["fulfillment_sets.id"], filters: { id: location } })
  if (!data[0].fulfillment_sets?.some((linked) => linked?.id === set.id)) {
    await link.create({
      [Modules.STOCK_LOCATION]: { stock_location_id: location },
      [Modules.FULFILLMENT]: { fulfillment_set_id: set.id },
    })
  }
  const [zone] = set.service_zones
  if (!zone.geo_zones.some((geo) => geo.country_code === country)) {
    await fulfillment.createGeoZones({ service_zone_id: zone.id, type: "country", country_code: country })
  }
  return zone.id
}

async function ensureShippingOption(container, { zone, profile, region, currency }) {
  const query = container.resolve(ContainerRegistrationKeys.QUERY)
  const { data } = await query.graph({
    entity: "shipping_option",
    fields: ["id", "price_set_link.price_set_id", "prices.currency_code"],
    filters: { service_zone_id: zone },
  })
  // Without its prices an option came from a process that was killed between the two.
  const broken = data.filter((option) => !option.price_set_link?.price_set_id || !option.prices?.length)
  if (broken.length > 0) {
    await deleteShippingOptionsWorkflow(container).run({ input: { ids: broken.map((option) => option.id) } })
  }
  if (data.length > broken.length) {
    return
  }
  const amount = priceIn(currency, price)
  await createShippingOptionsWorkflow(container).run({
    input: [
      {
        name: "Standard delivery",
        price_type: "flat",
        provider_id: provider,
        service_zone_id: zone,
        shipping_profile_id: profile,
        type: { label: "Standard", description: "Arrives in two to three days.", code: "standard" },
        prices: [
          { currency_code: currency, amount },
          { region_id: region, amount },
        ],
        rules: [
          { attribute: "enabled_in_store", value: "true", operator: "eq" },
          { attribute: "is_return", value: "false", operator: "eq" },
        ],
      },
    ],
  })
}

module.exports = { ensureDelivery }
