// All products: search, sort, grid.
import { announce, h, show } from "../dom.js";
import { list, lowest, pageSize, pictures } from "../goods.js";
import { art, card, notice, trouble } from "../parts.js";
import { rename } from "../router.js";
import { shop } from "../shop.js";
import { pieces } from "../words.js";

const typingMs = 250;
const windowSize = 3;

// sorts: what the shop sorts itself has an order; prices it can't sort, so these are sorted here and
// only offered where all products are at hand.
const sorts = {
  newest: { text: "Newest first", order: "-created_at" },
  name: { text: "Name", order: "title" },
  cheap: { text: "Price, low to high", order: "-created_at", by: (a, b) => amount(a) - amount(b) },
  dear: { text: "Price, high to low", order: "-created_at", by: (a, b) => amount(b) - amount(a) },
};

function amount(product) {
  return lowest(product)?.now ?? 0;
}

export async function cataloguePage({ query, signal }) {
  const { title: name } = await shop();
  const wanted = { query: query.get("q")?.trim() ?? "", sort: query.get("sort") in sorts ? query.get("sort") : "newest" };
  const first = await fetchPage(wanted, 0, signal);
  if (!first.count && !wanted.query) {
    return { title: name, here: "shop", node: notice(name, null, h("div", { class: "lead" }, h("h2", null, "Nothing on the shelf yet"), h("p", null, "The shop is open, the goods are on their way. Look in again soon."))) };
  }
  return { title: name, here: "shop", node: h("div", null, hero(name, first, wanted), shelf(wanted, first, signal)) };
}

function fetchPage({ query, sort }, offset, signal) {
  return list({ query, order: sorts[sort].order, offset, signal });
}

function hero(name, { products, count }, { query }) {
  const shown = products.filter((product) => pictures(product).length).slice(0, windowSize);
  if (query || shown.length < windowSize) return h("h1", { class: "plain-title" }, name);
  return h("section", { class: "hero" },
    h("div", { class: "hero-text" },
      h("h1", null, name),
      h("p", null, `Come in and look around: ${pieces(count, "thing", "things")} on the shelf, each waiting for a home.`),
      h("p", null, h("a", { class: "button", href: "#products" }, "See what's in"))),
    h("ul", { class: "window", "aria-label": "In the window" }, shown.map((product) =>
      h("li", null, h("a", { href: `/products/${encodeURIComponent(product.handle)}`, "aria-label": product.title }, art(product, { large: true }))))));
}

// shelf is the part that searching and sorting change; the search box stays, with the caret in it.
function shelf(wanted, first, pageSignal) {
  let state = { ...wanted, ...first };
  let asking = new AbortController();
  const grid = h("div", null);
  const counted = h("p", { class: "quiet" });
  const search = h("input", { type: "search", id: "search", name: "q", value: wanted.query, placeholder: "Search", autocomplete: "off", "aria-label": "Search products" });
  const sort = h("select", { id: "sort", name: "sort", "aria-label": "Sort by" });

  function draw() {
    const all = state.products.length === state.count;
    const by = all && sorts[state.sort].by;
    const products = by ? [...state.products].sort(by) : state.products;
    show(sort, Object.entries(sorts).filter(([, kind]) => all || !kind.by).map(([value, kind]) =>
      h("option", { value, selected: value === state.sort }, kind.text)));
    counted.textContent = pieces(state.count, "thing", "things");
    show(grid, products.length ? h("ul", { class: "grid" }, products.map(card)) : nothing(), !all && more());
  }

  function nothing() {
    return h("div", { class: "panel empty" }, h("h3", null, `Nothing found for “${state.query}”`),
      h("p", null, h("button", { type: "button", class: "button", onclick: () => { search.value = ""; change(); search.focus(); } }, "Show everything")));
  }

  function more() {
    return h("p", { class: "ways" }, h("button", { type: "button", id: "more", class: "button", onclick: async () => {
      const next = await fetchPage(state, state.products.length, pageSignal).catch(() => null);
      if (!next) return announce("The shop doesn't answer. Please try again.");
      state = { ...state, products: [...state.products, ...next.products], count: next.count };
      draw();
    } }, `Show ${Math.min(pageSize, state.count - state.products.length)} more`));
  }

  async function change() {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    const next = { query: search.value.trim(), sort: sort.value || "newest" };
    rename(address(next));
    grid.setAttribute("aria-busy", "true");
    try {
      state = { ...next, ...(await fetchPage(next, 0, signal)) };
      draw();
      announce(`${pieces(state.count, "thing", "things")} found`);
    } catch (error) {
      if (signal.aborted) return;
      show(grid, trouble(error, change).node);
    }
    grid.removeAttribute("aria-busy");
  }

  let typing;
  search.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(change, typingMs); });
  sort.addEventListener("change", change);
  pageSignal.addEventListener("abort", () => { clearTimeout(typing); asking.abort(); });
  draw();
  return h("section", { "aria-labelledby": "products" },
    h("div", { class: "section-head" },
      h("div", { class: "head-name" }, h("h2", { id: "products", tabindex: -1 }, "On the shelf"), counted),
      h("form", { class: "finder", role: "search", onsubmit: (event) => { event.preventDefault(); clearTimeout(typing); change(); } }, search, sort)),
    grid);
}

function address({ query, sort }) {
  const ask = new URLSearchParams();
  if (query) ask.set("q", query);
  if (sort !== "newest") ask.set("sort", sort);
  return ask.size ? `/?${ask}` : "/";
}
