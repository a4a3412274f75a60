import * as api from './api.js';
import { clock, el, setText } from './dom.js';
import { Renewal } from './renewal.js';

/** How many lines are kept. Who wants more than a page can show asks the API. */
const KEPT = 2000;
const FIRST = 500;
// Programs colour what they write for terminals.
const COLOURS = /\u001b\[[0-9;?]*[A-Za-z]/g;

/**
 * Logs shows what a store's containers write, while it is open. It stays at the end unless somebody has scrolled away from it. Lines are text
 * whatever is in them, also such as turns what stands behind it around.
 */
export class Logs {
  constructor(id) {
    this.id = id;
    this.stream = null;
    const again = { change: () => { this.offerBefore(); this.start(); } };
    /** Which containers there are, and whether each was started again; of one that only its lines tell of nobody knows. */
    this.known = new Map();
    this.looking = new Renewal(() => this.look());
    this.container = el('select', { id: 'logs-container', on: again }, el('option', { value: '', text: 'All containers' }));
    this.follow = el('input', { type: 'checkbox', checked: true, on: again });
    this.previous = el('input', { type: 'checkbox', on: again });
    this.button = el('button', { class: 'button small', type: 'button', on: { click: () => (this.stream ? this.stop('Stopped.') : this.start()) } });
    this.lines = el('div', { class: 'log', role: 'log', 'aria-live': 'off', 'aria-label': 'Lines', tabindex: '0' });
    this.state = el('p', { class: 'quiet', role: 'status' });
    this.node = el('details', { class: 'more fold logs' }, el('summary', { text: 'Logs' }),
      el('div', { class: 'log-controls' }, el('label', { class: 'sr', for: 'logs-container', text: 'Container' }), this.container,
        el('label', { class: 'check' }, this.follow, 'Follow'), el('label', { class: 'check' }, this.previous, 'The run before'), this.button),
      this.lines, this.state);
    this.node.addEventListener('toggle', () => (this.node.open ? this.open() : this.shut()));
  }

  open() {
    this.looking.want();
    this.start();
  }

  shut() {
    this.looking.stop();
    this.stop('');
  }

  close() {
    this.node.open = false;
    this.shut();
  }

  /** happened is nothing to lines, which come by themselves; but there may be other containers now. */
  happened() {
    if (this.node.open) this.looking.want();
  }

  /** look learns which containers there are, those too that write nothing. Without an answer the lines themselves tell. */
  async look() {
    const { pods } = await api.monitoring(this.id).catch(() => ({}));
    const again = new Map();
    for (const { name, init, restarts } of (pods || []).flatMap((pod) => pod.containers || [])) {
      this.offer(name, init);
      again.set(name, again.get(name) || restarts > 0);
    }
    again.forEach((yes, name) => this.known.set(name, yes));
    if (this.offerBefore()) this.start();
  }

  /** offerBefore has the run before to be chosen where there was one, or nobody knows; it says whether one was chosen that there isn't. */
  offerBefore() {
    const chosen = this.container.value;
    const again = chosen ? this.known.get(chosen) : !this.known.size || [...this.known.values()].some(Boolean);
    this.previous.disabled = again === false;
    const vain = this.previous.disabled && this.previous.checked;
    if (vain) this.previous.checked = false;
    return vain;
  }

  stop(words) {
    if (this.stream) this.stream.abort();
    this.stream = null;
    setText(this.button, 'Read again');
    setText(this.state, words);
  }

  async start() {
    this.stop('');
    const stream = new AbortController();
    this.stream = stream;
    this.pending = [];
    this.lines.replaceChildren();
    // A run that is over is written to no more.
    this.follow.disabled = this.previous.checked;
    const follow = this.follow.checked && !this.previous.checked;
    setText(this.button, 'Stop');
    setText(this.state, follow ? 'Following: what is written comes by itself.' : 'Reading…');
    const wish = { tail: FIRST, container: this.container.value, previous: this.previous.checked || '', follow: follow || '' };
    try {
      let end = follow ? 'The connection was cut.' : '';
      for await (const entry of api.logs(this.id, wish, stream.signal)) {
        if (entry.end === undefined) this.take(entry);
        else end = `It ends here: ${entry.end}`;
      }
      if (this.stream === stream) this.ended(end || (this.pending.length || this.lines.childElementCount ? 'That is all there is.' : 'Nothing was written.'));
    } catch (problem) {
      if (this.stream !== stream) return;
      this.node.hidden = problem.code === 'not_found';
      this.ended(`Lines can’t be read right now. ${problem.message}`);
    }
  }

  ended(words) {
    this.flush();
    this.stop(words);
  }

  /** take keeps a line for the next time that the page is drawn, which of a page that nobody sees is never. */
  take(entry) {
    this.offer(entry.container);
    if (this.pending.push(entry) > KEPT) this.pending.shift();
    if (this.pending.length === 1) requestAnimationFrame(() => this.flush());
  }

  flush() {
    const { lines, pending } = this;
    this.pending = [];
    const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 8;
    lines.append(...pending.map(row));
    while (lines.childElementCount > KEPT) lines.firstElementChild.remove();
    if (atEnd) lines.scrollTop = lines.scrollHeight;
  }

  /** offer has a container among those to choose from; of one that prepares the others that is said. */
  offer(name, init) {
    const text = init ? `${name} (prepares the others)` : name;
    const known = [...this.container.options].find((option) => option.value === name);
    if (!known) this.container.append(el('option', { value: name, text }));
    else if (init) setText(known, text);
  }
}

function row({ at, pod, container, line, cut }) {
  return el('div', {}, el('time', { datetime: at, text: clock(at) }), el('span', { class: 'log-of', title: pod, text: container }),
    el('span', { class: 'log-line', text: line.replace(COLOURS, '') + (cut ? ' …' : '') }));
}
