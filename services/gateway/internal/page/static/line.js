import { el, setText } from './dom.js';
import { doing } from './words.js';

/**
 * Line is a store's place among those that wait for a worker, why it waits, and how long it may take by what its like has taken. It shows what
 * was true when it was asked, and counts nothing down by itself.
 */
export class Line {
  constructor() {
    this.words = el('p', {});
    this.bar = el('progress', { max: '1', 'aria-label': 'How far it is, if it goes as it mostly does' });
    this.usual = el('span', { class: 'quiet' });
    this.eta = el('div', { class: 'meter' }, this.bar, this.usual);
    this.node = el('div', { class: 'line', hidden: true }, this.words, this.eta);
    this.generation = 0;
  }

  render(store) {
    const line = store.operation ? store.line : undefined;
    this.node.hidden = !line;
    if (!line) return;
    if (this.generation !== store.generation) {
      this.generation = store.generation;
      this.begun = doing(store) === 'create' && !(store.attempt > 1) ? new Date(store.createdAt).getTime() : Date.now();
    }
    setText(this.words, [placeOf(store), line.why].filter(Boolean).join(' '));
    this.words.hidden = !this.words.textContent;
    this.renderTime(line.eta);
  }

  renderTime(eta) {
    const known = Number.isFinite(eta?.p50);
    this.eta.hidden = !known;
    if (!known) return;
    const gone = Math.max(0, Date.now() - this.begun) / 1000;
    this.bar.value = gone + eta.p50 > 0 ? gone / (gone + eta.p50) : 1;
    const mostly = `${lasting(eta.p50)} to go`;
    this.bar.setAttribute('aria-valuetext', mostly);
    setText(this.usual, Number.isFinite(eta.p95) ? `${mostly}, usually within ${lasting(eta.p95)}` : mostly);
  }
}

/** placeOf says which place a store has in line; nothing of one that has none, or of which nobody knows it. */
export function placeOf({ operation, line }) {
  return operation && line?.place > 0 ? `Place ${line.place}${line.of > 0 ? ` of ${line.of}` : ''} in line.` : '';
}

/** lasting says some seconds as roughly as they are known. */
function lasting(seconds) {
  if (seconds < 60) return `${Math.max(5, Math.ceil(seconds / 5) * 5)} s`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min`;
  return `${Math.ceil(seconds / 3600)} h`;
}
