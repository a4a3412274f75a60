// A placed order: what the shopper keeps. Its address holds the order's id, which can't be guessed, so
// it can be opened again without an account.
import { Refused } from "../api.js";
import { h, tick } from "../dom.js";
import { notice, title, wayToShop } from "../parts.js";
import { shop, store } from "../shop.js";
import { country, day, money } from "../words.js";
import { lines, name as lineName } from "./cart.js";
import { totals } from "./checkout.js";

export async function orderPage({ params: [id], signal }) {
  const [{ title: name }, order] = await Promise.all([shop(), fetchOrder(id, signal)]);
  if (!order) {
    return { title: title("No such order", name), node: notice("There is no such order", "Please look at the link again, or ask the shop.", wayToShop()) };
  }
  return { title: title(`Order ${order.display_id}`, name), here: "order", node: view(order) };
}

async function fetchOrder(id, signal) {
  try {
    return (await store(`/orders/${encodeURIComponent(id)}`, { signal })).order;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null;
    throw error;
  }
}

function view(order) {
  return h("div", null,
    h("div", { class: "thanks" },
      tick(),
      h("h1", null, "Thank you"),
      h("p", { class: "lead" }, "Order ", h("strong", { "data-testid": "order-number" }, String(order.display_id)), ` of ${day(order.created_at)} is with the shop.`),
      order.email && h("p", { class: "quiet" }, `If there is a question, the shop writes to ${order.email}. Keep this page's address if you want to look at the order again.`)),
    h("div", { class: "split" },
      h("section", { class: "panel", "aria-labelledby": "goods" },
        h("h2", { id: "goods" }, "In the parcel"),
        h("ul", { class: "short" }, lines(order).map((item) => h("li", null,
          h("span", null, `${item.quantity} × ${lineName(item)}`),
          h("span", null, money(item.unit_price * item.quantity, order.currency_code))))),
        totals(order, "order-total"),
        h("p", { class: "pay" }, h("strong", null, "Nothing was charged."), " The shop tells you how to pay.")),
      h("section", { class: "panel", "aria-labelledby": "address" },
        h("h2", { id: "address" }, "Goes to"),
        address(order.shipping_address),
        order.shipping_methods?.[0] && h("p", { class: "quiet" }, `Delivery: ${order.shipping_methods[0].name}`))),
    h("p", { class: "centre" }, wayToShop()));
}

function address(to) {
  if (!to) return null;
  const parts = [
    [to.first_name, to.last_name], [to.company], [to.address_1], [to.address_2], [to.postal_code, to.city], [to.province], [to.country_code && country(to.country_code)], [to.phone],
  ].map((part) => part.filter(Boolean).join(" ")).filter(Boolean);
  return h("address", null, parts.flatMap((part) => [part, h("br")]).slice(0, -1));
}
