// The storefront: one page whose content follows the address.
import * as basket from "./cart.js";
import { h } from "./dom.js";
import { notice, title, wayToShop } from "./parts.js";
import { cartPage } from "./pages/cart.js";
import { cataloguePage } from "./pages/catalogue.js";
import { checkoutPage } from "./pages/checkout.js";
import { orderPage } from "./pages/order.js";
import { productPage } from "./pages/product.js";
import { start } from "./router.js";
import { shop } from "./shop.js";
import { country, list, pieces } from "./words.js";

function nowhere() {
  return { title: title("Not here"), node: notice("There is nothing here", "The page may have moved, or never was.", wayToShop()) };
}

// The frame around the pages. It fails silently: the page itself says what is wrong.
async function frame() {
  const { title: name, region } = await shop();
  document.getElementById("brand").textContent = name;
  document.getElementById("foot-brand").textContent = name;
  const countries = region.countries.map(({ code, name: fallback }) => country(code, fallback)).sort();
  document.getElementById("foot-countries").textContent =
    countries.length > 0 && countries.length < 6 ? `Delivered in ${list(countries)}.` : "";
  await basket.load();
}

function badge() {
  const count = basket.count();
  const element = document.getElementById("badge");
  element.hidden = count === 0;
  element.replaceChildren(h("span", { class: "unseen" }, "holds "), String(count), h("span", { class: "unseen" }, pieces(count, " thing", " things").replace(/^\d+/, "")));
}

basket.changed.addEventListener("change", badge);
frame().catch(() => {});
start([
  [/^\/$/, cataloguePage],
  [/^\/products\/([^/]+)$/, productPage],
  [/^\/cart$/, cartPage],
  [/^\/checkout$/, checkoutPage],
  [/^\/orders\/([^/]+)$/, orderPage],
  [/^/, nowhere],
]);
