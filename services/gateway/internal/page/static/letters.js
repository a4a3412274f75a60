import * as api from './api.js';
import { busy, dateAndClock, el, setText } from './dom.js';
import { Renewal } from './renewal.js';
import { operatorKey } from './secrets.js';
import { letterWords } from './words.js';

/**
 * Letters are the dead letters: what waits for a person. While they are looked at none of them leaves its place: what was dealt with says so,
 * so that nothing moves under somebody's finger who goes on to the next. New ones come at the end.
 */
export class Letters {
  constructor() {
    this.list = el('ul', { class: 'failures', 'aria-label': 'Dead letters' });
    this.more = el('button', { class: 'button small', type: 'button', text: 'Show more', hidden: true, on: { click: () => busy(this.more, () => this.read(this.next)) } });
    this.state = el('p', { class: 'quiet', role: 'status' });
    this.node = el('section', { 'aria-labelledby': 'letters-title' }, el('h3', { id: 'letters-title', text: 'What waits for a person' }), this.list, this.more, this.state);
    this.renewal = new Renewal(() => this.read(0));
    this.open(false);
  }

  /** open shows them from the start, or forgets them. */
  open(yes) {
    this.rows = new Map();
    this.next = 0;
    this.list.replaceChildren();
    this.more.hidden = true;
    setText(this.state, yes ? 'Looking…' : '');
    if (yes) this.renewal.want();
    else this.renewal.stop();
  }

  /** happened is told of what may have made a letter, or dealt with one. */
  happened(event) {
    if (event.type === 'failed' || event.type === 'redriven' || event.type === 'discarded' || event.facts?.deadLetter) this.renewal.happened();
  }

  /** read goes through as many as were shown, or one page more behind those. */
  async read(after) {
    const rows = this.rows;
    const seen = new Set();
    // Where all were shown, all are read anew.
    const whole = rows.size > 0 && !this.next;
    try {
      let page = { next: after };
      do {
        page = await api.deadLetters(page.next, operatorKey());
        if (rows !== this.rows) return;
        page.deadLetters.forEach((letter) => { seen.add(letter.seq); this.put(letter); });
      } while (!after && page.next && (whole || page.next < this.next));
      this.next = page.next || 0;
      this.more.hidden = !this.next;
      if (!after) this.gone(seen);
      const waiting = [...rows.values()].filter((row) => !row.done).length;
      setText(this.state, waiting ? `${waiting}${this.next ? ' or more' : ''} waiting.` : 'Nothing waits for anybody.');
    } catch (problem) {
      if (rows === this.rows) setText(this.state, `What waits can’t be told right now. ${problem.message}`);
    }
  }

  put(letter) {
    // What was dealt with comes again by another number, unless lists are behind.
    if (this.rows.has(letter.seq)) return;
    const row = new Row(letter);
    this.rows.set(letter.seq, row);
    this.list.append(row.node);
  }

  /** gone tells of those that aren't among what was read, and would be. */
  gone(seen) {
    for (const [seq, row] of this.rows) {
      if (!seen.has(seq) && (!this.next || seq <= this.next)) row.leave();
    }
  }
}

/** Row is one of them, and what may be done about it. */
class Row {
  constructor(letter) {
    this.letter = letter;
    this.done = false;
    const button = (text, kind, click) => el('button', { class: `button small ${kind}`, type: 'button', text, 'aria-label': `${text}: ${letterWords(letter)}`, on: { click } });
    this.again = button('Send again', '', () => this.send(this.again, 'Sent again.', () => api.redrive(letter.seq, operatorKey())));
    this.away = button('Put away…', '', () => this.ask());
    this.actions = el('div', { class: 'letter-actions' }, this.again, this.away);
    this.said = el('p', { class: 'quiet said', tabindex: '-1', role: 'status' });
    this.error = el('p', { class: 'form-error', role: 'alert' });
    const about = [letter.name || letter.store, letter.tenant && `tenant ${letter.tenant}`, letter.since && `since ${dateAndClock(letter.since)}`,
      letter.attempt > 1 && `${letter.attempt} attempts`, letter.reason];
    this.node = el('li', {}, el('div', {},
      el('p', { text: letterWords(letter) }),
      el('p', { class: 'quiet facts' }, ...about.filter(Boolean).map((text, at) => (at === 0 && letter.store ? el('a', { href: `#store/${letter.store}`, text }) : el('span', { text })))),
      letter.detail ? el('details', {}, el('summary', { text: 'In the cluster’s own words' }), el('pre', { text: letter.detail })) : '',
      this.said, this.error), this.actions);
  }

  /** leave is for one that somebody else has dealt with. */
  leave() {
    if (!this.done) this.deal('Dealt with meanwhile.');
  }

  /** deal says what became of it. What was to be done about it goes; who was at that is led to what is said. */
  deal(words) {
    const held = this.node.contains(document.activeElement);
    this.done = true;
    this.node.style.minHeight = `${this.node.getBoundingClientRect().height}px`;
    setText(this.said, words);
    this.actions.hidden = true;
    if (this.form) this.form.hidden = true;
    if (held) this.said.focus({ preventScroll: true });
  }

  ask() {
    if (!this.form) {
      const id = `letter-${this.letter.seq}`;
      this.why = el('input', { id, maxlength: '500', required: true, autocomplete: 'off' });
      this.yes = el('button', { class: 'button small', type: 'submit', text: 'Put it away' });
      this.form = el('form', { class: 'letter-form', on: { submit: (event) => {
        event.preventDefault();
        const why = this.why.value.trim();
        if (why) this.send(this.yes, `Put away: ${why}`, () => api.discard(this.letter.seq, why, operatorKey()));
      } } }, el('label', { for: id, text: 'Why nobody need look at it any more' }), this.why, this.yes);
      this.node.append(this.form);
    }
    this.why.focus();
  }

  async send(button, words, send) {
    setText(this.error, '');
    try {
      await busy(button, send);
      this.deal(words);
      this.said.focus();
    } catch (problem) {
      if (problem.code === 'no_dead_letter') this.leave();
      else setText(this.error, problem.message);
    }
  }
}
