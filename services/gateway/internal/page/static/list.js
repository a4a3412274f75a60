import { $, el, setText } from './dom.js';
import { progressOf } from './words.js';

const WORKING = new Set(['Queued', 'Provisioning', 'Deleting']);

/** List shows the stores. Rows are kept and changed in place, so an update never takes the focus or the scroll away. */
export class List {
  constructor(model) {
    this.model = model;
    this.rows = new Map();
    $('search').addEventListener('input', () => this.render());
    $('status-filter').addEventListener('change', () => this.render());
  }

  render() {
    const all = this.model.listed();
    const shown = all.filter((store) => this.matches(store));
    const keep = new Set(shown.map((store) => store.id));
    for (const [id, row] of this.rows) {
      if (!keep.has(id)) {
        row.item.remove();
        this.rows.delete(id);
      }
    }
    const list = $('list');
    shown.forEach((store, at) => {
      const row = this.rows.get(store.id) || this.add(store);
      this.fill(row, store);
      if (list.children[at] !== row.item) list.insertBefore(row.item, list.children[at] || null);
    });
    setText($('list-count'), all.length ? String(all.length) : '');
    this.empty(all, shown);
  }

  matches(store) {
    const text = $('search').value.trim().toLowerCase();
    const status = $('status-filter').value;
    if (text && !store.name.toLowerCase().includes(text) && !store.id.includes(text)) return false;
    return !status || store.status === status || (status === 'working' && (WORKING.has(store.status) || Boolean(store.operation)));
  }

  add(store) {
    const name = el('span', { class: 'name' });
    const pill = el('span', { class: 'pill' });
    const about = el('span', { class: 'about' });
    const link = el('a', { href: `#store/${store.id}` }, name, pill, about);
    const row = { item: el('li', {}, link), link, name, pill, about };
    this.rows.set(store.id, row);
    return row;
  }

  fill(row, store) {
    setText(row.name, store.name);
    setText(row.pill, store.status);
    row.pill.dataset.status = store.status;
    setText(row.about, progressOf(store, this.model.engineOf(store), this.model.platform));
    row.link.setAttribute('aria-current', String(this.model.selected === store.id));
  }

  empty(all, shown) {
    $('list-empty').hidden = shown.length > 0;
    if (shown.length > 0) return;
    if (!this.model.loaded) {
      setText($('list-empty-title'), this.model.listProblem ? 'Stores can’t be listed right now' : 'Loading');
      setText($('list-empty-text'), this.model.listProblem);
    } else if (all.length) {
      setText($('list-empty-title'), 'Nothing matches');
      setText($('list-empty-text'), 'Change the search or the filter.');
    } else {
      setText($('list-empty-title'), 'No stores yet');
      setText($('list-empty-text'), 'The first one takes a minute.');
    }
  }
}
