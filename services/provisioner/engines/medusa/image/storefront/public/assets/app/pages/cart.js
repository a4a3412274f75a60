// The cart: what is in it, more, less, none of it.
import * as basket from "../cart.js";
import { announce, h, show } from "../dom.js";
import { art, faultLine, notice, title, wayToShop } from "../parts.js";
import { go } from "../router.js";
import { shop } from "../shop.js";
import { money } from "../words.js";

export async function cartPage({ signal }) {
  const lost = await basket.recover();
  if (lost) {
    go(`/orders/${lost}`, { replace: true });
    return null;
  }
  const [{ title: name }] = await Promise.all([shop(), basket.load(signal)]);
  const node = h("div", null);
  const draw = () => show(node, view());
  basket.changed.addEventListener("change", draw);
  signal.addEventListener("abort", () => basket.changed.removeEventListener("change", draw));
  draw();
  return { title: title("Your cart", name), here: "cart", node };
}

// emptyCart is also what checkout shows when there is nothing to order.
export function emptyCart() {
  return notice("Your cart is empty", "There is nothing in it yet.", wayToShop("See what's in"));
}

// lines sorts the way they were put in: the shop lists the one changed last at the end.
export function lines(cart) {
  return [...(cart?.items ?? [])].sort((a, b) => a.created_at.localeCompare(b.created_at) || a.id.localeCompare(b.id));
}

// name is a line's product, with its variant where there are several.
export function name(item) {
  const variant = item.variant_title ?? item.subtitle;
  return !variant || /^default/i.test(variant) ? item.product_title ?? item.title : `${item.product_title ?? item.title}, ${variant}`;
}

function view() {
  const cart = basket.cart();
  if (!basket.count()) return emptyCart();
  return h("div", null,
    h("h1", null, "Your cart"),
    h("div", { class: "split" },
      h("ul", { class: "rows" }, lines(cart).map((item) => row(cart, item))),
      h("aside", { class: "panel", "aria-label": "Sum" },
        h("dl", { class: "totals" },
          h("div", { class: "sum first" }, h("dt", null, "Goods"), h("dd", { "data-testid": "cart-total" }, money(goods(cart), cart.currency_code)))),
        h("p", { class: "quiet" }, "Delivery is added at checkout, where you choose it."),
        h("a", { class: "button wide", href: "/checkout" }, "Checkout"),
        h("p", { class: "quiet centre" }, h("a", { href: "/" }, "Look around more")))));
}

// goods sums what the lines show.
export function goods(cart) {
  return (cart.items ?? []).reduce((sum, item) => sum + item.unit_price * item.quantity, 0);
}

function row(cart, item) {
  const what = name(item);
  const address = `/products/${encodeURIComponent(item.product_handle ?? "")}`;
  const fault = h("p", { class: "fault", role: "status" });
  let busy = false;

  async function set(quantity, said) {
    if (busy) return;
    busy = true;
    try {
      await basket.setQuantity(item.id, quantity);
      announce(said);
      // The row is gone and the button with it: the focus goes on to what comes next.
      if (!quantity) document.getElementById("main").focus({ preventScroll: true });
    } catch (error) {
      fault.textContent = faultLine(error, () => "There aren't more of these.");
    }
    busy = false;
  }

  return h("li", { class: "item" },
    h("a", { href: address, tabindex: -1, "aria-hidden": "true" }, art({ handle: item.product_handle, thumbnail: item.thumbnail }, { small: true })),
    h("div", { class: "item-text" },
      h("a", { class: "item-name", href: address }, what),
      h("span", { class: "quiet" }, `${money(item.unit_price, cart.currency_code)} each`),
      h("div", { class: "steps" },
        h("button", { type: "button", id: `less-${item.id}`, class: "step", "aria-label": `One less ${what}`, onclick: () => set(item.quantity - 1, `${item.quantity - 1} ${what}`) }, "−"),
        h("span", { class: "step-count" }, h("span", { class: "unseen" }, "Quantity "), String(item.quantity)),
        h("button", { type: "button", id: `more-${item.id}`, class: "step", "aria-label": `One more ${what}`, onclick: () => set(item.quantity + 1, `${item.quantity + 1} ${what}`) }, "+"),
        h("button", { type: "button", id: `remove-${item.id}`, class: "plain", "aria-label": `Remove ${what}`, onclick: () => set(0, `${what} is out of the cart`) }, "Remove")),
      fault),
    h("span", { class: "item-amount" }, money(item.unit_price * item.quantity, cart.currency_code)));
}
