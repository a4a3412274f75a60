// Checkout on one page: to whom, where to, how, and the button that orders.
import { Refused, Unreachable } from "../api.js";
import * as basket from "../cart.js";
import { announce, h, show } from "../dom.js";
import { choice } from "../form.js";
import { crumbs, title } from "../parts.js";
import { go } from "../router.js";
import { shop, store } from "../shop.js";
import { money, pieces } from "../words.js";
import { addressForm } from "./address.js";
import { emptyCart, goods, lines, name } from "./cart.js";

// What this storefront can take payment with: the shop's manual provider, where nothing is charged online.
const manual = "pp_system_default";

export async function checkoutPage({ signal }) {
  const lost = await basket.recover();
  if (lost) {
    go(`/orders/${lost}`, { replace: true });
    return null;
  }
  const [config] = await Promise.all([shop(), basket.load(signal)]);
  if (!basket.count()) return { title: title("Checkout", config.title), here: "cart", node: emptyCart() };
  const { payment_providers: providers } = await store(`/payment-providers?region_id=${config.region.id}`, { signal });
  const desk = new Desk(config, providers.some((provider) => provider.id === manual), signal);
  await desk.deliverTo(desk.form.country());
  return { title: title("Checkout", config.title), here: "cart", node: desk.node };
}

// totals shows sums so that they add up as shown: prices with tax inside name the tax below the total,
// prices without it add it above.
export function totals(of, testid) {
  const inside = (of.items ?? []).every((item) => item.is_tax_inclusive);
  const discount = inside ? of.discount_total : of.discount_subtotal;
  const shipping = inside ? of.original_shipping_total ?? of.shipping_total : of.original_shipping_subtotal ?? of.shipping_subtotal;
  const cash = (amount) => money(amount, of.currency_code);
  const known = of.shipping_methods?.length > 0;
  return h("dl", { class: "totals" },
    h("div", null, h("dt", null, "Goods"), h("dd", null, cash(goods(of)))),
    h("div", null, h("dt", null, "Delivery"), h("dd", null, !known ? "to be chosen" : shipping ? cash(shipping) : "free")),
    discount > 0 && h("div", null, h("dt", null, "Discount"), h("dd", null, cash(-discount))),
    !inside && of.tax_total > 0 && h("div", null, h("dt", null, "Tax"), h("dd", null, cash(of.tax_total))),
    h("div", { class: "sum" }, h("dt", null, "Total"), h("dd", { "data-testid": testid }, cash(of.total))),
    inside && of.tax_total > 0 && h("div", { class: "quiet" }, h("dt", null, "of which tax"), h("dd", null, cash(of.tax_total))));
}

// Desk is the page's state: the form, what can be delivered, and whether an order is under way.
class Desk {
  constructor(config, payable, signal) {
    this.payable = payable;
    this.signal = signal;
    this.placing = false;
    this.options = [];
    this.form = addressForm(config, basket.cart(), (code) => this.moved(code));
    this.delivery = h("div", null);
    this.sum = h("div", null);
    this.fault = h("div", { role: "alert" });
    this.button = h("button", { id: "place", class: "button wide", "data-testid": "place-order" }, "Place order");
    this.node = h("div", null,
      crumbs([["Cart", "/cart"], ["Checkout"]]),
      h("h1", null, "Checkout"),
      h("form", { class: "split", novalidate: true, onsubmit: (event) => { event.preventDefault(); this.place(); } },
        h("div", { class: "stages" }, this.form.node, this.delivery, this.payment()),
        h("aside", { class: "panel", "aria-label": "Your order" }, this.sum, this.fault, this.button,
          h("p", { class: "quiet centre" }, h("a", { href: "/cart" }, "Change the cart")))));
    const draw = () => this.draw();
    basket.changed.addEventListener("change", draw);
    signal.addEventListener("abort", () => basket.changed.removeEventListener("change", draw));
  }

  payment() {
    if (!this.payable) return h("p", { class: "notice bad" }, "This shop can't take payments here yet. Please ask the shop.");
    return choice({ name: "payment_provider", legend: "Payment", chosen: manual, entries: [
      { value: manual, text: "Pay later", hint: "Nothing is charged now. The shop tells you how to pay." },
    ] });
  }

  // deliverTo tells the shop the country, on which options and taxes depend, and chooses the first option
  // so that the total is known before anything is typed.
  async deliverTo(code) {
    if (basket.cart().shipping_address?.country_code !== code) await basket.update({ shipping_address: { country_code: code } });
    await this.refresh();
  }

  async refresh() {
    this.options = await basket.deliveries(this.signal);
    const held = this.chosen();
    if (this.options.length && !this.options.some((option) => option.id === held)) await basket.chooseDelivery(this.options[0].id);
    this.draw();
  }

  chosen() {
    return basket.cart()?.shipping_methods?.at(-1)?.shipping_option_id;
  }

  // The country or the delivery was changed while the page stands.
  async moved(code) {
    await this.guard(() => this.deliverTo(code));
  }

  async guard(work) {
    this.button.setAttribute("aria-busy", "true");
    show(this.fault);
    try {
      await work();
    } catch (error) {
      if (!this.signal.aborted) this.blame(error);
    }
    if (!this.placing) this.button.removeAttribute("aria-busy");
  }

  draw() {
    const cart = basket.cart();
    if (!cart) return;
    show(this.delivery, this.options.length
      ? choice({ name: "shipping_option", legend: "Delivery", chosen: this.chosen(), onchange: (id) => this.guard(() => basket.chooseDelivery(id)),
        entries: this.options.map((option) => ({ value: option.id, text: option.name, hint: option.type?.description, end: option.amount ? money(option.amount, cart.currency_code) : "free" })) })
      : h("p", { class: "notice bad", role: "status" }, "The shop doesn't deliver there yet. Please choose another country or ask the shop."));
    show(this.sum, h("h2", null, "Your order"),
      h("ul", { class: "short" }, lines(cart).map((item) => h("li", null,
        h("span", null, `${item.quantity} × ${name(item)}`), h("span", null, money(item.unit_price * item.quantity, cart.currency_code))))),
      totals(cart, "checkout-total"));
    this.button.disabled = !this.payable || !this.options.length;
  }

  // place is one order however often the button is pressed: here by the flag, at the shop by the cart.
  async place() {
    if (this.placing || this.button.hasAttribute("aria-busy")) return;
    const wrong = this.form.judge();
    if (wrong) {
      show(this.fault, h("p", { class: "fault" }, `Nothing was ordered yet: ${pieces(wrong, "field needs", "fields need")} a look.`));
      return;
    }
    this.placing = true;
    this.button.textContent = "Placing your order…";
    announce("Placing your order");
    await this.guard(() => this.order());
    this.placing = false;
    this.button.textContent = "Place order";
    this.button.removeAttribute("aria-busy");
  }

  async order() {
    const lost = await basket.recover();
    if (lost) return this.thank(lost);
    const shown = basket.cart().total;
    const address = this.form.address();
    await basket.update({ email: this.form.email(), shipping_address: address, billing_address: address });
    await this.refresh();
    if (!this.options.length) return;
    if (basket.cart().total !== shown) {
      show(this.fault, h("p", { class: "fault" }, `With this address the total is ${money(basket.cart().total, basket.cart().currency_code)}. Press “Place order” again if that is all right.`));
      return;
    }
    await this.thank(await basket.place(manual));
  }

  thank(orderId) {
    this.form.forget();
    return go(`/orders/${orderId}`, { replace: true });
  }

  blame(error) {
    let text = "The shop couldn't take the order. Nothing was ordered.";
    if (error instanceof Unreachable) text = "The shop doesn't answer. Press “Place order” again: it won't be ordered twice.";
    else if (error instanceof Refused && error.code === "insufficient_inventory") text = "Something in your cart has just been sold. Please change the cart.";
    else if (error instanceof Refused) text = `Nothing was ordered. The shop says: ${error.message}`;
    show(this.fault, h("p", { class: "fault" }, text));
  }
}
