// Elements without a framework. Text is only ever set as text, never as HTML: what a merchant or a
// shopper typed can't become markup, and the page's Trusted Types policy would refuse it.

// h makes an element. Attributes: a function under onX listens to event x, true is an attribute without
// a value, null and false leave it out. Children may be nested lists; null and false are left out.
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value == null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

// show puts nodes in the place of what a container held, and the focus where it was: on the element with
// the same id. Without this a keyboard user would start at the top after each change of a quantity.
export function show(container, ...nodes) {
  const focused = container.contains(document.activeElement) ? document.activeElement.id : "";
  container.replaceChildren(...nodes.flat(Infinity).filter(Boolean));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

// announce tells those who don't see the page what changed on it.
export function announce(text) {
  const announcer = document.getElementById("announcer");
  // The same text twice is no change, and would not be read again.
  announcer.textContent = announcer.textContent === text ? `${text}\u00a0` : text;
}

const svgSpace = "http://www.w3.org/2000/svg";

// tick is the drawing over a placed order.
export function tick() {
  const svg = document.createElementNS(svgSpace, "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 64 64", "aria-hidden": "true", focusable: "false" })) svg.setAttribute(name, value);
  const parts = [
    ["circle", { cx: 32, cy: 32, r: 30, fill: "currentColor", opacity: ".14" }],
    ["path", { d: "M20 33l9 9 16-19", fill: "none", stroke: "currentColor", "stroke-width": 4.5, "stroke-linecap": "round", "stroke-linejoin": "round" }],
  ];
  for (const [tag, attributes] of parts) {
    const part = document.createElementNS(svgSpace, tag);
    for (const [name, value] of Object.entries(attributes)) part.setAttribute(name, value);
    svg.append(part);
  }
  return svg;
}
