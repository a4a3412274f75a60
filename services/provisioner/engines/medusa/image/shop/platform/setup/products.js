"use strict"

const { ContainerRegistrationKeys, Modules, ProductStatus } = require("@medusajs/framework/utils")
const { createInventoryLevelsWorkflow, createProductsWorkflow, deleteProductsWorkflow } = require("@medusajs/core-flows")
const catalogue = require("./catalogue")
const { priceIn } = require("./prices")

// How many of each variant a new shop has in stock.
const stock = 100

const fields = [
  "id",
  "handle",
  "sales_channels.id",
  "shipping_profile.id",
  "variants.id",
  "variants.price_set.prices.currency_code",
  "variants.inventory_items.inventory_item_id",
]

function find(container, handles) {
  const query = container.resolve(ContainerRegistrationKeys.QUERY)
  return query.graph({ entity: "product", fields, filters: { handle: handles } }).then(({ data }) => data)
}

// ensureProducts puts the first of the sample catalogue on sale, in stock.
async function ensureProducts(container, { options, channel, location, profile }) {
  const wanted = catalogue.slice(0, options.sampleProducts)
  if (wanted.length === 0) {
    return
  }
  const handles = wanted.map((product) => product.handle)
  await removeBroken(container, await find(container, handles))
  const there = new Set((await find(container, handles)).map((product) => product.handle))
  const missing = wanted.filter((product) => !there.has(product.handle))
  if (missing.length > 0) {
    await removeInventory(container, missing)
    const categories = await ensureCategories(container, missing)
    const products = missing.map((product) => input(product, { currency: options.currency, channel, profile, categories }))
    await createProductsWorkflow(container).run({ input: { products } })
  }
  await ensureStock(container, { handles, location })
}

// removeBroken takes away what a killed process left of products: the workflow that makes them writes them, their prices,
// their stock items and the links between these one after the other, and mending is more than making them again.
async function removeBroken(container, products) {
  const whole = (product) =>
    product.sales_channels?.some(Boolean) &&
    product.shipping_profile?.id &&
    product.variants?.length > 0 &&
    product.variants.every((v) => v.price_set?.prices?.length > 0 && v.inventory_items?.some((item) => item?.inventory_item_id))
  const ids = products.filter((product) => !whole(product)).map((product) => product.id)
  if (ids.length > 0) {
    await deleteProductsWorkflow(container).run({ input: { ids } })
  }
}

// removeInventory frees the SKUs of products that aren't there: a stock item without its product keeps them.
async function removeInventory(container, products) {
  const inventory = container.resolve(Modules.INVENTORY)
  const items = await inventory.listInventoryItems({ sku: products.flatMap(skus) })
  if (items.length > 0) {
    await inventory.deleteInventoryItems(items.map((item) => item.id))
  }
}

async function ensureCategories(container, products) {
  const service = container.resolve(Modules.PRODUCT)
  const names = [...new Set(products.map((product) => product.kind))]
  // Medusa hands out categories without their names unless it is asked for them.
  const known = await service.listProductCategories({ name: names }, { select: ["id", "name"] })
  const missing = names.filter((name) => !known.some((category) => category.name === name))
  const made = missing.length ? await service.createProductCategories(missing.map((name) => ({ name, is_active: true }))) : []
  return new Map([...known, ...made].map((category) => [category.name, category.id]))
}

async function ensureStock(container, { handles, location }) {
  const products = await find(container, handles)
  const items = products.flatMap((p) => p.variants.flatMap((v) => v.inventory_items.map((item) => item.inventory_item_id)))
  const levels = await container.resolve(Modules.INVENTORY).listInventoryLevels({ inventory_item_id: items, location_id: location })
  const stocked = new Set(levels.map((level) => level.inventory_item_id))
  const missing = items.filter((item) => !stocked.has(item))
  if (missing.length > 0) {
    await createInventoryLevelsWorkflow(container).run({
      input: {
        inventory_levels: missing.map((item) => ({ inventory_item_id: item, location_id: location, stocked_quantity: stock })),
      },
    })
  }
}

function sku(product, choice) {
  return [product.handle, choice].filter(Boolean).join("-").toUpperCase()
}

function skus(product) {
  return product.choices ? product.choices.values.map((value) => sku(product, value)) : [sku(product)]
}

function input(product, { currency, channel, profile, categories }) {
  const option = product.choices ?? { title: "Kind", values: ["Standard"] }
  const image = `/art/${product.handle}.svg`
  return {
    title: product.title,
    handle: product.handle,
    subtitle: product.summary,
    description: product.description,
    status: ProductStatus.PUBLISHED,
    thumbnail: image,
    images: [{ url: image }],
    shipping_profile_id: profile,
    category_ids: [categories.get(product.kind)],
    sales_channels: [{ id: channel }],
    metadata: { details: product.details },
    options: [{ title: option.title, values: option.values }],
    variants: option.values.map((value) => ({
      title: value,
      sku: sku(product, product.choices && value),
      options: { [option.title]: value },
      manage_inventory: true,
      prices: [{ currency_code: currency, amount: priceIn(currency, product.price) }],
    })),
  }
}

module.exports = { ensureProducts }
