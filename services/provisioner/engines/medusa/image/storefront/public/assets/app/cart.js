// The cart: kept by the shop, known here by its id. Changes go one after the other, since the shop locks
// a cart while it changes it and two quick clicks would otherwise fail each other.
import { Refused } from "./api.js";
import { shop, store } from "./shop.js";

const key = "cart";
// The cart whose order was asked for and whose answer hasn't come yet.
const placingKey = "placing";
const conflicts = 15;

let current = null;
let last = Promise.resolve();

// changed fires "change" whenever the cart is another one than before.
export const changed = new EventTarget();

// cart is what is known without asking.
export function cart() {
  return current;
}

export function count() {
  return (current?.items ?? []).reduce((sum, item) => sum + item.quantity, 0);
}

function keep(next) {
  current = next;
  if (next) localStorage.setItem(key, next.id);
  else localStorage.removeItem(key);
  changed.dispatchEvent(new Event("change"));
  return next;
}

function inTurn(work) {
  const result = last.then(work, work);
  last = result.catch(() => {});
  return result;
}

// load asks for the cart that this browser had. In turn as well: an answer from before a change must not
// come after it.
export function load(signal) {
  return inTurn(() => find(signal));
}

// find forgets a cart that has become an order, or is gone.
async function find(signal) {
  const id = localStorage.getItem(key);
  if (!id) return keep(null);
  try {
    const { cart: found } = await store(`/carts/${id}`, { signal });
    return keep(found.completed_at ? null : found);
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return keep(null);
    throw error;
  }
}

async function begin() {
  const { region } = await shop();
  const { cart: made } = await store("/carts", { method: "POST", body: { region_id: region.id } });
  return keep(made);
}

// add puts a variant into the cart, and into a new one if the old one is no more.
export function add(variantId, quantity) {
  return inTurn(async () => {
    const body = { variant_id: variantId, quantity };
    const held = current ?? (await find()) ?? (await begin());
    try {
      return keep((await store(`/carts/${held.id}/line-items`, { method: "POST", body })).cart);
    } catch (error) {
      if (!(error instanceof Refused) || (await find())) throw error;
      const fresh = await begin();
      return keep((await store(`/carts/${fresh.id}/line-items`, { method: "POST", body })).cart);
    }
  });
}

export function setQuantity(lineId, quantity) {
  return inTurn(async () => {
    await store(`/carts/${current.id}/line-items/${lineId}`, quantity > 0 ? { method: "POST", body: { quantity } } : { method: "DELETE" });
    return find();
  });
}

// update changes e-mail and addresses.
export function update(body) {
  return inTurn(async () => keep((await store(`/carts/${current.id}`, { method: "POST", body })).cart));
}

export async function deliveries(signal) {
  const { shipping_options: options } = await store(`/shipping-options?cart_id=${current.id}`, { signal });
  return options.sort((a, b) => a.amount - b.amount);
}

export function chooseDelivery(optionId) {
  return inTurn(async () => keep((await store(`/carts/${current.id}/shipping-methods`, { method: "POST", body: { option_id: optionId } })).cart));
}

// place makes the cart an order and returns the order's id. Asking twice is safe: the shop answers a cart
// that has become an order with that order.
export function place(providerId) {
  return inTurn(async () => {
    const { id } = current;
    const { payment_collection: payment } = await store("/payment-collections", { method: "POST", body: { cart_id: id } });
    if (!payment.payment_sessions?.some((session) => session.provider_id === providerId)) {
      await store(`/payment-collections/${payment.id}/payment-sessions`, { method: "POST", body: { provider_id: providerId } });
    }
    localStorage.setItem(placingKey, id);
    return complete(id);
  });
}

async function complete(id) {
  let answer;
  for (let attempt = 1; !answer; attempt++) {
    try {
      answer = await store(`/carts/${id}/complete`, { method: "POST" });
    } catch (error) {
      // A conflict: an earlier click or another tab is placing it just now, and will have the answer.
      const conflict = error instanceof Refused && error.status === 409;
      if (!conflict || attempt === conflicts) {
        if (error instanceof Refused && !conflict) localStorage.removeItem(placingKey);
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
  localStorage.removeItem(placingKey);
  if (answer.type !== "order") throw new Refused(400, answer.error);
  if (localStorage.getItem(key) === id) keep(null);
  return answer.order.id;
}

// recover returns the order that was placed while its answer got lost, if there is one.
export function recover() {
  return inTurn(async () => {
    const id = localStorage.getItem(placingKey);
    if (!id) return null;
    try {
      const { cart: asked } = await store(`/carts/${id}?fields=id,completed_at`);
      // Not an order: only the shopper may ask for it again.
      if (asked.completed_at) return await complete(id);
      localStorage.removeItem(placingKey);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      localStorage.removeItem(placingKey);
    }
    return null;
  });
}

// Another tab of the same shop changed which cart it is.
addEventListener("storage", (event) => {
  if (event.key === key) load().catch(() => {});
});
