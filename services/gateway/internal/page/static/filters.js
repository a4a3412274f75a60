import * as api from './api.js';
import { $, el, setText } from './dom.js';
import { Renewal } from './renewal.js';

// Each key would be a question otherwise.
const TYPED = 250;

/** folded is a text as it is looked for: without its case and accents. */
const folded = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

const ORDERS = {
  newest: (a, b) => b.createdAt.localeCompare(a.createdAt) || b.id.localeCompare(a.id),
  oldest: (a, b) => a.createdAt.localeCompare(b.createdAt) || a.id.localeCompare(b.id),
  name: (a, b) => folded(a.name).localeCompare(folded(b.name)) || ORDERS.newest(a, b),
};

/**
 * Filters are what somebody wants to see of the list, and in what order. What they chose or typed is theirs: nothing that comes from elsewhere
 * writes it. changed is called with each change, and asks for what matches.
 */
export class Filters {
  constructor({ render, find }) {
    this.timer = 0;
    const changed = (wait) => {
      render();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => { find(); this.counting.want(); }, wait);
    };
    $('search').addEventListener('input', () => changed(TYPED));
    for (const id of ['status-filter', 'engine-filter', 'order']) $(id).addEventListener('change', () => changed(0));
    this.names = new Map([...$('status-filter').options].map((option) => [option.value, option.text]));
    this.counting = new Renewal(() => this.count());
  }

  /** wish is what the list is asked for, as a query; what a service of the release before doesn't know only where it is wanted. */
  wish() {
    const status = $('status-filter').value;
    const order = $('order').value;
    return [...(status ? [['status', status]] : []), ...this.scope(), ...(order === 'newest' ? [] : [['order', order]])];
  }

  /** scope is the wish without statuses, of which counts are. */
  scope() {
    return [['engine', $('engine-filter').value], ['q', $('search').value.trim()]].filter(([, value]) => value);
  }

  matches(store) {
    const text = folded($('search').value.trim());
    const status = $('status-filter').value;
    const engine = $('engine-filter').value;
    if (text && !folded(store.name).includes(text) && !store.id.includes(text)) return false;
    if (engine && store.engine !== engine) return false;
    return !status || store.status === status;
  }

  sort(stores) {
    return stores.sort(ORDERS[$('order').value]);
  }

  /** offer has the engines among which one may choose. One that is chosen stays, also when it is on offer no more. */
  offer(engines) {
    const chosen = $('engine-filter').value;
    const names = engines.map((engine) => [engine.name, engine.title]);
    if (chosen && !names.some(([name]) => name === chosen)) names.push([chosen, chosen]);
    const options = [['', 'Every engine'], ...names];
    const before = [...$('engine-filter').options].map((option) => option.value + option.text).join();
    if (before === options.map(([name, title]) => name + title).join()) return;
    $('engine-filter').replaceChildren(...options.map(([value, text]) => el('option', { value, text })));
    $('engine-filter').value = chosen;
  }

  /** count asks how many there are of each status. Without an answer no number is shown: an old one would be wrong. */
  async count() {
    const counts = await api.counts(this.scope()).catch(() => null);
    for (const option of $('status-filter').options) {
      const name = this.names.get(option.value);
      setText(option, counts ? `${name} (${option.value ? counts.byStatus[option.value] || 0 : counts.total})` : name);
    }
  }
}
