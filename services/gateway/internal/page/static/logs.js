import * as api from './api.js';
import { announce, clock, el, setText } from './dom.js';

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
    const again = { change: () => this.start() };
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
    this.node.addEventListener('toggle', () => (this.node.open ? this.start() : this.stop('')));
  }

  close() {
    this.node.open = false;
    this.stop('');
  }

  /** happened is nothing to lines: they come by themselves. */
  happened() {}

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
    announce(words);
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

  /** offer has a container among those to choose from. */
  offer(name) {
    if ([...this.container.options].some((option) => option.value === name)) return;
    this.container.append(el('option', { value: name, text: name }));
  }
}

function row({ at, pod, container, line, cut }) {
  return el('div', {}, el('time', { datetime: at, text: clock(at) }), el('span', { class: 'log-of', title: pod, text: container }),
    el('span', { class: 'log-line', text: line.replace(COLOURS, '') + (cut ? ' …' : '') }));
}
