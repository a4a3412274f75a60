"use strict"

// To whom the shop sells and in which currency: region, taxes, the store's own record and the key of its storefront.

const { ContainerRegistrationKeys, Modules } = require("@medusajs/framework/utils")
const {
  createApiKeysWorkflow,
  createRegionsWorkflow,
  createTaxRegionsWorkflow,
  linkSalesChannelsToApiKeyWorkflow,
  updateRegionsWorkflow,
  updateStoresWorkflow,
} = require("@medusajs/core-flows")

const payment = "pp_system_default"

// ensurePublishableKey finds the sales channel and the key that Medusa makes at its first start, or makes what is missing
// of the key.
async function ensurePublishableKey(container) {
  const query = container.resolve(ContainerRegistrationKeys.QUERY)
  const [channel] = await container.resolve(Modules.SALES_CHANNEL).listSalesChannels({}, { take: 1, order: { created_at: "ASC" } })
  const found = await query.graph({
    entity: "api_key",
    fields: ["id", "revoked_at", "sales_channels.id"],
    filters: { type: "publishable" },
    pagination: { order: { created_at: "ASC" } },
  })
  let key = found.data.find((candidate) => !candidate.revoked_at)
  if (!key) {
    const { result } = await createApiKeysWorkflow(container).run({
      input: { api_keys: [{ title: "Storefront", type: "publishable", created_by: "" }] },
    })
    key = result[0]
  }
  if (!key.sales_channels?.some((linked) => linked?.id === channel.id)) {
    await linkSalesChannelsToApiKeyWorkflow(container).run({ input: { id: key.id, add: [channel.id] } })
  }
  return { id: channel.id, publishableKey: key.id }
}

// ensureMarket answers the id of the region for the shop's country and currency.
async function ensureMarket(container, { country, currency }, before) {
  const query = container.resolve(ContainerRegistrationKeys.QUERY)
  const name = new Intl.DisplayNames(["en"], { type: "region" }).of(country.toUpperCase())
  const { data: regions } = await query.graph({
    entity: "region",
    fields: ["id", "name", "currency_code", "countries.iso_2", "payment_providers.id"],
  })
  const sells = (region) => region.countries?.some((c) => c?.iso_2 === country)
  const region = regions.find((r) => r.id === before?.region) ?? regions.find(sells) ?? regions.find((r) => r.name === name)
  const wanted = { name, currency_code: currency, countries: [country], payment_providers: [payment], is_tax_inclusive: true }

  let id = region?.id
  if (!region) {
    const { result } = await createRegionsWorkflow(container).run({ input: { regions: [{ ...wanted, automatic_taxes: true }] } })
    id = result[0].id
  } else if (!sells(region) || region.currency_code !== currency || !region.payment_providers?.some((p) => p?.id === payment)) {
    await updateRegionsWorkflow(container).run({ input: { selector: { id }, update: wanted } })
  }
  // Prices are what people pay: tax is in them, and the rate is the merchant's to say.
  const taxes = await container.resolve(Modules.TAX).listTaxRegions({ country_code: country })
  if (taxes.length === 0) {
    await createTaxRegionsWorkflow(container).run({ input: [{ country_code: country, provider_id: "tp_system" }] })
  }
  return id
}

async function ensureStore(container, { options, channel, region, location, before }) {
  const [store] = await container
    .resolve(Modules.STORE)
    .listStores({}, { take: 1, order: { created_at: "ASC" }, relations: ["supported_currencies"] })
  const update = {
    supported_currencies: [
      { currency_code: options.currency, is_default: true, is_tax_inclusive: true },
      ...store.supported_currencies
        .map((supported) => supported.currency_code)
        // Medusa begins with the euro, which isn't a choice of the merchant's.
        .filter((code) => code !== options.currency && before)
        .map((code) => ({ currency_code: code, is_default: false })),
    ],
    default_sales_channel_id: store.default_sales_channel_id ?? channel,
    default_region_id: region,
    default_location_id: location,
  }
  // Whoever has renamed the shop in its admin pages keeps that name until they change the option.
  if (before?.options.title !== options.title) {
    update.name = options.title
  }
  await updateStoresWorkflow(container).run({ input: { selector: { id: store.id }, update } })
}

module.exports = { ensurePublishableKey, ensureMarket, ensureStore }
