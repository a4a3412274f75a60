// Which page stands at which address, and what a real page change does that a script must do itself:
// title, focus, scroll position, and telling those who don't see it.
import { announce, show } from "./dom.js";
import { skeleton, trouble } from "./parts.js";

const patienceMs = 150;

let routes = [];
let leaving = new AbortController();
let place = newPlace();
const scrolled = new Map();

function newPlace() {
  return `${Date.now()}-${Math.random()}`;
}

// start takes routes as [pattern, page], the first match wins. A page is an async function of
// {params, query, signal} that gives {title, node, here, ready}; ready runs once the node stands.
export function start(all) {
  routes = all;
  history.scrollRestoration = "manual";
  if (history.state?.place) place = history.state.place;
  else history.replaceState({ place }, "");
  // Not while a page loads: what then scrolls is the short page that stands in for it.
  addEventListener("scroll", () => { if (!document.getElementById("main").hasAttribute("aria-busy")) scrolled.set(place, scrollY); }, { passive: true });
  addEventListener("popstate", (event) => {
    if (event.state?.place === place) return;
    place = event.state?.place ?? newPlace();
    render();
  });
  document.addEventListener("click", followed);
  return render({ first: true });
}

// go opens an address of the shop; replace leaves the page that was here out of the history.
export function go(address, { replace = false } = {}) {
  if (!replace) place = newPlace();
  history[replace ? "replaceState" : "pushState"]({ place }, "", address);
  return render({ top: true });
}

// rename changes the address of the page that stands, without another page.
export function rename(address) {
  history.replaceState({ place }, "", address);
}

function followed(event) {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.target || link.origin !== location.origin || "outside" in link.dataset) return;
  event.preventDefault();
  // A jump on the page makes no history: going back from it would make the page anew.
  if (link.getAttribute("href").startsWith("#")) return jump(link.hash.slice(1));
  go(link.href, { replace: link.href === location.href });
}

function jump(id) {
  const target = document.getElementById(id);
  target?.scrollIntoView();
  target?.focus({ preventScroll: true });
}

async function render({ first = false, top = false } = {}) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const main = document.getElementById("main");
  main.setAttribute("aria-busy", "true");
  const wait = setTimeout(() => show(main, skeleton()), first ? 0 : patienceMs);
  const view = await make(signal);
  clearTimeout(wait);
  if (!view || signal.aborted) return;
  main.replaceChildren(view.node);
  main.removeAttribute("aria-busy");
  document.title = view.title;
  for (const link of document.querySelectorAll("[data-nav]")) {
    if (link.dataset.nav === view.here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!first) arrive(main, top);
  view.ready?.();
}

// arrive stands in for what a browser does when a page has loaded.
function arrive(main, top) {
  scrollTo({ top: top ? 0 : (scrolled.get(place) ?? 0), behavior: "instant" });
  main.focus({ preventScroll: true });
  announce(document.title);
}

async function make(signal) {
  const { pathname, search } = location;
  const path = pathname.replace(/(.)\/+$/, "$1");
  for (const [pattern, page] of routes) {
    const match = pattern.exec(path);
    if (!match) continue;
    try {
      const params = match.slice(1).map(decodeURIComponent);
      return await page({ params, query: new URLSearchParams(search), signal });
    } catch (error) {
      if (signal.aborted) return null;
      return trouble(error, () => render({ top: true }));
    }
  }
  return null;
}
