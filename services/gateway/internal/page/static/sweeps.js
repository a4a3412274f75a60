import * as api from './api.js';
import { ask } from './ask.js';
import { announce, busy, dateAndClock, el, setText } from './dom.js';
import { Renewal } from './renewal.js';
import { operatorKey } from './secrets.js';

const FOUND = {
  stray: 'deleted stores whose namespace is still there; their deletion was asked for once more',
  unknown: 'namespaces of stores that the log doesn’t know; nothing was done about them',
  missing: 'stores that should stand and have no namespace; nothing was done about them',
  terminating: 'namespaces of deleted stores that are being removed and don’t go',
  unreadable: 'stores whose last message can’t be read by this release',
  expired: 'stores whose time was over; their deletion was asked for',
  stalled: 'commands that nobody worked on; they were sent again',
  claim_leaked: 'places in quotas that no store has; they were given back',
  claim_missing: 'stores without a place in a quota; they were given one',
};

/** Sweeps is what the newest sweep, which holds the cluster against the log, has found, and whether sweeps may change anything. */
export class Sweeps {
  constructor() {
    this.alarm = el('p', { class: 'note bad', role: 'status', hidden: true });
    this.paused = el('p', {});
    this.resume = el('button', { class: 'button small', type: 'button', text: 'Let them go on…', hidden: true, on: { click: () => this.askResume() } });
    this.last = el('p', { class: 'quiet', tabindex: '-1' });
    this.found = el('ul', { class: 'found', 'aria-label': 'What it found' });
    this.state = el('p', { class: 'quiet', role: 'status' });
    this.look = el('button', { class: 'button small', type: 'button', text: 'Look again', on: { click: () => busy(this.look, () => this.read()) } });
    this.node = el('section', { 'aria-labelledby': 'sweeps-title' }, el('h3', { id: 'sweeps-title', text: 'Sweeps' }),
      el('div', { class: 'sweep-actions' }, this.look, this.resume), this.paused, this.alarm, this.last, this.found, this.state);
    this.renewal = new Renewal(() => this.read());
  }

  async read() {
    try {
      this.show(await api.sweeps(operatorKey()));
      setText(this.state, '');
    } catch (problem) {
      setText(this.state, `What sweeps found can’t be told right now. ${problem.message}`);
    }
  }

  show({ paused, last }) {
    setText(this.paused, paused ? `They only look, and change nothing: ${paused}.` : 'They look, and mend what they may.');
    this.resume.hidden = !paused;
    this.alarm.hidden = !last?.alarm;
    setText(this.alarm, last?.alarm ? `${last.alarm.reason}: ${last.alarm.message}` : '');
    setText(this.last, last ? `The newest was ${dateAndClock(last.at)}, by ${last.by}: looked at ${last.namespaces} namespaces and ${last.stores} stores, `
      + `sent commands: ${last.submitted}${last.paused ? `; it only looked: ${last.paused}` : ''}.` : 'There was none yet.');
    const findings = (last?.findings || []).filter(({ count }) => count > 0);
    this.found.replaceChildren(...findings.map(({ kind, count, ids }) => el('li', {}, `${count} ${FOUND[kind] || kind}: `,
      el('span', { class: 'mono', text: (ids || []).join(', ') + (count > (ids || []).length ? ', …' : '') }))));
  }

  askResume() {
    ask({
      title: 'Let sweeps go on?', yes: 'Let them go on',
      text: 'From then on they delete what the log says was deleted. See first that the log isn’t older than the cluster.',
      send: async () => {
        this.show(await api.resumeSweeps(operatorKey()));
        announce('Sweeps go on.');
      },
      then: () => this.last.focus(),
    });
  }
}
