// Products as the Store API gives them: prices, stock, pictures.
import { shop, store } from "./shop.js";
import { money } from "./words.js";

const listFields = "id,title,subtitle,handle,thumbnail,created_at,*variants.calculated_price,+variants.inventory_quantity,+variants.manage_inventory,+variants.allow_backorder";
const productFields = "*variants.calculated_price,+variants.inventory_quantity,+variants.manage_inventory,+variants.allow_backorder";

// pageSize is the most that one request asks for; a shop with no more can be sorted by price here.
export const pageSize = 100;

export async function list({ query, order = "-created_at", offset = 0, limit = pageSize, signal }) {
  const { region } = await shop();
  const ask = new URLSearchParams({ region_id: region.id, fields: listFields, order, limit, offset });
  if (query) ask.set("q", query);
  return store(`/products?${ask}`, { signal });
}

// byHandle gives undefined for a product that isn't there, or not for sale.
export async function byHandle(handle, signal) {
  const { region } = await shop();
  const ask = new URLSearchParams({ handle, region_id: region.id, fields: productFields, limit: 1 });
  const { products } = await store(`/products?${ask}`, { signal });
  return products[0];
}

// left says how many of a variant can be bought; Infinity where nobody counts them.
export function left(variant) {
  if (variant.calculated_price?.calculated_amount == null) return 0;
  if (!variant.manage_inventory || variant.allow_backorder) return Infinity;
  return Math.max(0, variant.inventory_quantity ?? 0);
}

export function soldOut(product) {
  return !(product.variants ?? []).some((variant) => left(variant) > 0);
}

// price is what one variant costs: now, and before if it was more.
export function price(variant) {
  const { calculated_amount: now, original_amount: before, currency_code: currency } = variant?.calculated_price ?? {};
  if (now == null) return null;
  return { now, text: money(now, currency), before: before > now ? money(before, currency) : null };
}

// lowest is the price on a card: the cheapest variant's, "from" if others cost more.
export function lowest(product) {
  const prices = (product.variants ?? []).map(price).filter(Boolean).sort((a, b) => a.now - b.now);
  if (!prices.length) return null;
  return { ...prices[0], from: prices.at(-1).now > prices[0].now };
}

// pictures lists a product's images, the thumbnail first.
export function pictures(product) {
  const all = [product.thumbnail, ...(product.images ?? []).map((image) => image.url)];
  return [...new Set(all.filter(Boolean).map(address))];
}

// address makes an image's URL one of this origin where it can be: the server may know itself by another
// name or port than the shopper does, and the page may not load from elsewhere.
function address(url) {
  const { pathname } = new URL(url, location.origin);
  return /^\/(static|art)\//.test(pathname) ? pathname : url;
}
