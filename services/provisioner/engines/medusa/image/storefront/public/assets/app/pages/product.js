// One product: pictures, options, what is left, into the cart.
import { h, show } from "../dom.js";
import { byHandle, list, pictures } from "../goods.js";
import { art, card, crumbs, notice, title, wayToShop } from "../parts.js";
import { shop } from "../shop.js";
import { buyForm } from "./buy.js";

const othersShown = 4;

export async function productPage({ params: [handle], signal }) {
  const [{ title: name }, product, others] = await Promise.all([
    shop(), byHandle(handle, signal),
    // What else there is, is no reason to fail.
    list({ limit: othersShown + 1, signal }).catch(() => ({ products: [] })),
  ]);
  if (!product) {
    return { title: title("Not here", name), node: notice("This isn't sold here", "It may be sold out for good, or the link is wrong.", wayToShop()) };
  }
  const beside = others.products.filter((other) => other.handle !== product.handle).slice(0, othersShown);
  return {
    title: title(product.title, name), here: "product",
    node: h("div", null,
      crumbs([["Shop", "/"], [product.title]]),
      h("article", { class: "product" }, gallery(product), h("div", null,
        product.type?.value && h("p", { class: "kind" }, product.type.value),
        h("h1", null, product.title),
        product.subtitle && h("p", { class: "lead" }, product.subtitle),
        buyForm(product),
        product.description && h("p", { class: "story" }, product.description),
        details(product))),
      beside.length > 0 && h("section", { "aria-labelledby": "others" },
        h("div", { class: "section-head" }, h("h2", { id: "others" }, "Stands beside it")),
        h("ul", { class: "grid grid-row" }, beside.map(card)))),
  };
}

function gallery(product) {
  const all = pictures(product);
  const large = h("div", null, art(product, { large: true }));
  if (all.length < 2) return h("div", { class: "gallery" }, large);
  return h("div", { class: "gallery" }, large, h("ul", { class: "thumbs", "aria-label": "Pictures" }, all.map((src, index) =>
    h("li", null, h("button", { type: "button", "aria-label": `Picture ${index + 1} of ${all.length}`, onclick: () => show(large, art(product, { large: true, src })) },
      art(product, { small: true, src }))))));
}

function details(product) {
  const facts = [product.material && `Material: ${product.material}`, product.weight && `${product.weight} g`, product.origin_country && `Made in ${product.origin_country.toUpperCase()}`].filter(Boolean);
  return facts.length > 0 && h("ul", { class: "facts" }, facts.map((fact) => h("li", null, fact)));
}
