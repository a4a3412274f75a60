"use strict"

// GET /store-config answers three questions at once: whether the shop can sell (the readiness probe and the platform's own),
// and with which key, region and currency its storefront talks to the Store API. Medusa's /health doesn't ask the database.

const { inTime } = require("../../../platform/patience")

const question = `
  select s.setup, st.name as title, k.token, r.id, r.name, r.currency_code, coalesce(c.countries, '[]') as countries
  from platform.state s
  left join lateral (select name from store where deleted_at is null order by created_at limit 1) st on true
  left join lateral (
    select token from api_key where type = 'publishable' and revoked_at is null and deleted_at is null
    order by (id = s.setup->>'publishableKey') desc nulls last, created_at limit 1) k on true
  left join lateral (
    select id, name, currency_code from region where deleted_at is null
    order by (id = s.setup->>'region') desc nulls last, created_at limit 1) r on true
  left join lateral (
    select json_agg(json_build_object('code', iso_2, 'name', display_name) order by display_name) as countries
    from region_country where region_id = r.id and deleted_at is null) c on true`

function unready(res, message) {
  res.status(503).json({ ready: false, message })
}

async function GET(req, res) {
  res.set("Cache-Control", "no-store")
  let row
  try {
    const { rows } = await inTime(req.scope.resolve("__pg_connection__").raw(question))
    row = rows[0]
  } catch (error) {
    req.scope.resolve("logger").warn(`The database doesn't answer: ${error.message}`)
    return unready(res, "The shop's database doesn't answer.")
  }
  if (!row?.setup) {
    return unready(res, "The shop is being set up.")
  }
  if (!row.token || !row.id) {
    return unready(res, `The shop has no ${row.token ? "region" : "publishable key"} to sell with.`)
  }
  const codes = row.countries.map((country) => country.code)
  const wanted = row.setup.options.country
  res.json({
    ready: true,
    title: row.title,
    currency: row.currency_code.toUpperCase(),
    country: (codes.includes(wanted) ? wanted : (codes[0] ?? wanted)).toUpperCase(),
    publishableKey: row.token,
    region: { id: row.id, name: row.name, currencyCode: row.currency_code, countries: row.countries },
    paymentProvider: "pp_system_default",
  })
}

module.exports = { GET }
