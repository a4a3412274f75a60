// Pieces that several pages show.
import { Refused } from "./api.js";
import { h } from "./dom.js";
import { lowest, pictures, soldOut } from "./goods.js";
import { NotOpen } from "./shop.js";

const askAgainMs = 4000;

// title is a page's name before the shop's.
export function title(...names) {
  return names.filter(Boolean).join(" · ");
}

// art is a product's picture on one of four grounds, told by its handle so that it keeps it.
export function art(product, { large = false, small = false, src = pictures(product)[0] } = {}) {
  const image = h("img", { src: src ?? "/art/nothing.svg", alt: "", width: 400, height: 400, loading: large ? "eager" : "lazy", decoding: "async" });
  image.addEventListener("error", () => { image.src = "/art/nothing.svg"; }, { once: true });
  // Drawings have no ground of their own and need air; photographs fill the frame.
  const drawn = !src || /\.svg$/.test(src);
  const classes = ["art", `tint-${tint(product.handle ?? "")}`, drawn && "drawn", large && "art-large", small && "art-small"];
  return h("span", { class: classes.filter(Boolean).join(" ") }, image);
}

function tint(handle) {
  let sum = 0;
  for (const letter of handle) sum += letter.codePointAt(0);
  return (sum % 4) + 1;
}

export function priceText(price) {
  if (!price) return h("span", { class: "card-price quiet" }, "Not for sale");
  return h("span", { class: "card-price" },
    price.before && [h("s", { class: "quiet" }, h("span", { class: "unseen" }, "before "), price.before), " "],
    price.from && h("span", { class: "quiet" }, "from "),
    price.text);
}

export function card(product) {
  const gone = soldOut(product);
  return h("li", { class: "card" },
    h("a", { href: `/products/${encodeURIComponent(product.handle)}`, "data-testid": "product-card" },
      art(product),
      gone && h("span", { class: "flag" }, "Sold out"),
      h("span", { class: "card-text" },
        h("span", { class: "card-name" }, product.title, " "),
        priceText(lowest(product)),
        product.subtitle && h("span", { class: "card-kind" }, " ", product.subtitle))));
}

// notice is a page that is one message with a way on.
export function notice(heading, text, ...ways) {
  return h("div", { class: "panel empty" }, h("h1", null, heading), text && h("p", null, text), h("p", { class: "ways" }, ways));
}

export function wayToShop(text = "Back to the shop") {
  return h("a", { class: "button", href: "/" }, text);
}

// trouble is the page in place of one that couldn't be had. again renders it anew.
export function trouble(error, again) {
  const { heading, text } = excuse(error);
  let timer;
  const node = h("div", { class: "panel empty", role: "alert", "data-testid": "trouble" },
    h("h1", null, heading),
    h("p", null, text),
    h("p", { class: "ways" }, h("button", { type: "button", class: "button", onclick: () => { clearTimeout(timer); again(); } }, "Try again")));
  // A shop that is opening will be open in a moment; one that is broken is not asked over and over.
  if (error instanceof NotOpen) timer = setTimeout(() => node.isConnected && again(), askAgainMs);
  return { title: heading, node };
}

function excuse(error) {
  if (error instanceof NotOpen) return { heading: "The shop is just opening", text: "This page asks again by itself." };
  if (error instanceof Refused) return { heading: "The shop said no", text: error.message };
  return { heading: "The shop doesn't answer", text: "Your cart is safe. Try again in a moment." };
}

// skeleton stands while a page loads.
export function skeleton() {
  return h("div", { class: "skeleton" },
    h("p", { class: "unseen" }, "Loading"),
    h("div", { class: "bone bone-title" }),
    h("div", { class: "grid", "aria-hidden": "true" }, Array.from({ length: 8 }, () => h("div", null,
      h("div", { class: "bone bone-art" }), h("div", { class: "bone bone-line" })))));
}

// crumbs lead back: [[text, address], …, [text]].
export function crumbs(steps) {
  return h("nav", { class: "crumbs", "aria-label": "You are here" }, h("ol", null, steps.map(([text, address]) =>
    h("li", null, address ? h("a", { href: address }, text) : h("span", { "aria-current": "page" }, text)))));
}

// faultLine says why something that was asked for didn't happen, where it was asked for.
export function faultLine(error, refused) {
  if (error instanceof Refused) return refused(error);
  return "The shop doesn't answer. Please try again.";
}
