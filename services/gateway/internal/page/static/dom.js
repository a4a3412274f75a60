// Everything on the page is made here, from text: no function of this dashboard takes markup, so a store's name can't
// become any.

export const $ = (id) => document.getElementById(id);

/** el makes an element. Props are attributes, except text, on (listeners) and data. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'text') node.textContent = value;
    else if (name === 'on') for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (name === 'data') Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null && child !== ''));
  return node;
}

/** setText leaves a node alone that says so already, which keeps selections and screen readers quiet. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** safeURL lets web addresses pass, this gateway's own without its name too, and nothing that would run. No text is no address. */
export function safeURL(text) {
  if (!text) return '';
  try {
    const url = new URL(text, location.href);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : '';
  } catch {
    return '';
  }
}

export const clock = (time) =>
  new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

export const dateAndClock = (time) => new Date(time).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });

/** busy keeps a button from being pressed twice. One that is disabled under the cursor loses it, and is given it back. */
export async function busy(button, work) {
  const held = document.activeElement === button;
  button.disabled = true;
  try {
    return await work();
  } finally {
    button.disabled = false;
    if (held && document.activeElement === document.body) button.focus();
  }
}

export function announce(text) {
  $('announce').textContent = text;
}
