import { $, el, setText } from './dom.js';
import { placeOf } from './line.js';
import { progressOf } from './words.js';

// So long after the pointer has moved somebody may be about to press.
const AIMING = 1200;

/**
 * List shows the stores. Rows are kept and changed in place, so an update never takes the focus or the scroll away. While somebody aims at one
 * none moves: what has come or gone meanwhile shows a moment later.
 */
export class List {
  constructor(model, filters, tenantOf) {
    this.model = model;
    this.filters = filters;
    this.tenantOf = tenantOf;
    this.rows = new Map();
    this.aimed = -Infinity;
    this.timer = 0;
    for (const moves of ['pointermove', 'pointerdown']) $('list').addEventListener(moves, () => { this.aimed = performance.now(); });
    $('list').addEventListener('pointerleave', () => { this.aimed = -Infinity; });
  }

  /** render shows the list as it is; wanted says that somebody has asked for another, who aims at nothing. */
  render(wanted) {
    const all = this.model.listed();
    const shown = this.filters.sort(all.filter((store) => this.filters.matches(store)));
    setText($('list-count'), all.length ? `${all.length}${this.model.next ? '+' : ''}` : '');
    const left = AIMING - (performance.now() - this.aimed);
    if (!wanted && left > 0 && this.rows.size && this.moves(shown)) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.render(), left);
      shown.forEach((store) => { if (this.rows.has(store.id)) this.fill(this.rows.get(store.id), store); });
      return;
    }
    this.place(shown);
    this.empty(all, shown);
  }

  /** moves says whether rows would go elsewhere. */
  moves(shown) {
    return [...$('list').children].some((item, at) => item.dataset.id !== shown[at]?.id);
  }

  place(shown) {
    const keep = new Set(shown.map((store) => store.id));
    for (const [id, row] of this.rows) {
      if (!keep.has(id)) {
        row.item.remove();
        this.rows.delete(id);
      }
    }
    const list = $('list');
    const held = list.contains(document.activeElement) ? document.activeElement : null;
    shown.forEach((store, at) => {
      const row = this.rows.get(store.id) || this.add(store);
      this.fill(row, store);
      if (list.children[at] !== row.item) list.insertBefore(row.item, list.children[at] || null);
    });
    // A row that is put elsewhere loses the focus.
    if (held?.isConnected && held !== document.activeElement) held.focus({ preventScroll: true });
  }

  add(store) {
    const name = el('span', { class: 'name' });
    const pill = el('span', { class: 'pill' });
    const about = el('span', { class: 'about' });
    const tenant = el('span', { class: 'about' });
    const link = el('a', { href: `#store/${store.id}` }, name, pill, about, tenant);
    const row = { item: el('li', { data: { id: store.id } }, link), link, name, pill, about, tenant };
    this.rows.set(store.id, row);
    return row;
  }

  fill(row, store) {
    setText(row.name, store.name);
    setText(row.pill, store.status);
    row.pill.dataset.status = store.status;
    setText(row.about, [placeOf(store), progressOf(store, this.model.engineOf(store), this.model.platform)].filter(Boolean).join(' '));
    const tenant = this.tenantOf(store);
    row.tenant.hidden = !tenant;
    setText(row.tenant, tenant);
    row.link.setAttribute('aria-current', String(this.model.selected === store.id));
  }

  empty(all, shown) {
    $('list-empty').hidden = shown.length > 0;
    if (shown.length > 0) return;
    if (!this.model.loaded) {
      setText($('list-empty-title'), this.model.listProblem ? 'Stores can’t be listed right now' : 'Loading');
      setText($('list-empty-text'), this.model.listProblem);
    } else if (all.length || this.filters.wish().length) {
      setText($('list-empty-title'), 'Nothing matches');
      setText($('list-empty-text'), this.model.listProblem || 'Change the search or the filter.');
    } else {
      setText($('list-empty-title'), 'No stores yet');
      setText($('list-empty-text'), 'The first one takes a minute.');
    }
  }
}
