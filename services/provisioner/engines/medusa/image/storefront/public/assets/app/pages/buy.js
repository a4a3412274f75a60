// The part of a product's page that sells it: variant, price, quantity, button.
import { add, cart } from "../cart.js";
import { announce, h, show } from "../dom.js";
import { left, price, soldOut } from "../goods.js";
import { faultLine } from "../parts.js";

const mostAtOnce = 10;
const few = 5;

export function buyForm(product) {
  return new Counter(product).node;
}

// Counter holds which variant is chosen; everything but the choices is drawn from it.
class Counter {
  constructor(product) {
    this.product = product;
    this.variants = product.variants ?? [];
    this.chosen = this.variants.find((variant) => left(variant) > 0) ?? this.variants[0];
    this.cost = h("p", { class: "price" });
    this.choices = h("div", null, this.options().map((option) => this.choice(option)));
    this.line = h("div", { class: "buy" });
    this.word = h("div", { role: "status" });
    this.node = h("form", { onsubmit: (event) => { event.preventDefault(); this.put(); } }, this.cost, this.choices, this.line, this.word);
    this.draw();
  }

  // options leaves out those with one value: there is nothing to choose.
  options() {
    return this.chosen ? (this.product.options ?? []).filter((option) => option.values?.length > 1) : [];
  }

  choice(option) {
    return h("fieldset", { class: "choice" }, h("legend", null, option.title),
      h("div", { class: "chips" }, option.values.map(({ value }) => h("label", { class: "chip" },
        h("input", { type: "radio", name: option.id, value, onchange: () => this.choose(option.id, value) }),
        h("span", null, value)))));
  }

  // matching finds the variant that has a value and otherwise the chosen ones; not every combination is
  // made, so failing that the nearest that has the value.
  matching(optionId, value) {
    const has = (variant, id, wanted) => variant.options?.some((option) => option.option_id === id && option.value === wanted);
    const alike = (variant) => this.chosen.options.filter((mine) => has(variant, mine.option_id, mine.value)).length;
    return this.variants.filter((variant) => has(variant, optionId, value)).sort((one, other) => alike(other) - alike(one))[0];
  }

  choose(optionId, value) {
    this.chosen = this.matching(optionId, value) ?? this.chosen;
    this.draw();
    announce(left(this.chosen) ? `${this.chosen.title}, ${this.cost.textContent}` : `${this.chosen.title} is sold out`);
  }

  async put() {
    const button = document.getElementById("add");
    if (button.hasAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    const { chosen, product } = this;
    try {
      await add(chosen.id, Number(document.getElementById("quantity").value));
      show(this.word, h("p", { class: "notice", "data-testid": "added" }, `${product.title} is in your cart. `, h("a", { href: "/cart" }, "View cart")));
    } catch (error) {
      const held = (cart()?.items ?? []).some((item) => item.variant_id === chosen.id);
      show(this.word, h("p", { class: "fault" }, faultLine(error, () => held ? "Your cart already has all that are left." : "There aren't that many left. Please choose fewer.")));
    }
    button.removeAttribute("aria-busy");
  }

  draw() {
    for (const radio of this.choices.querySelectorAll("input")) {
      const variant = this.matching(radio.name, radio.value);
      radio.checked = variant === this.chosen;
      radio.parentElement.classList.toggle("off", !variant || left(variant) === 0);
    }
    const now = this.chosen && price(this.chosen);
    show(this.cost, now
      ? [now.before && h("s", { class: "quiet" }, h("span", { class: "unseen" }, "before "), now.before, " "), now.text]
      : "Not for sale just now");
    show(this.word);
    const many = this.chosen ? left(this.chosen) : 0;
    if (!many) return this.drawSoldOut();
    show(this.line,
      h("label", { for: "quantity" }, "Quantity"),
      h("select", { id: "quantity" }, Array.from({ length: Math.min(mostAtOnce, many) }, (_, index) => h("option", null, index + 1))),
      h("button", { id: "add", class: "button" }, "Add to cart"),
      many <= few && h("p", { class: "few" }, `Only ${many} left.`));
  }

  drawSoldOut() {
    show(this.line,
      h("button", { type: "button", id: "add", class: "button", disabled: true }, "Sold out"),
      !soldOut(this.product) && h("p", { class: "few" }, "Another choice is still there."));
  }
}
