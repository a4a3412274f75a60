import * as api from './api.js';
import { clock, dateAndClock, el } from './dom.js';
import { Fold } from './fold.js';
import { forWhom } from './words.js';

/** Monitoring shows what runs of a store, what is wrong with that, and how large its volumes are. */
export class Monitoring extends Fold {
  constructor(id) {
    super({ title: 'What runs', ask: () => api.monitoring(id), show: (answer, place) => this.fill(answer, place) });
    this.shown = '';
  }

  fill(answer, place) {
    const { at, ...rest } = answer;
    const same = JSON.stringify(rest);
    if (same === this.shown) return;
    this.shown = same;
    const part = (name, caption, titles, row) =>
      table(list(answer.more).includes(name) ? `${caption} (a part is left out)` : caption, titles, list(answer[name]).map(row));
    place.replaceChildren(wrong(answer.wrong), ...[
      part('workloads', 'Workloads', ['Workload', 'Serving'], (w) => [`${w.kind} ${w.name}`, `${w.available || 0} of ${w.wanted || 0}`, w.message]),
      part('pods', 'Pods', ['Pod', 'State', 'Restarts', 'Ended last'], pod),
      part('volumes', 'Volumes', ['Volume', 'State', 'Size'], (v) => [v.claim, v.phase, gib(v.capacity || v.requested)]),
      part('routes', 'Addresses', ['Host', 'Taken on'], (r) => [r.host || 'any', r.admitted ? 'yes' : 'not said']),
      part('crons', 'Jobs', ['Job', 'When', 'Ended well last'], (c) => [c.name, c.suspended ? 'halted' : c.schedule, c.lastSuccess ? dateAndClock(c.lastSuccess) : '—']),
    ].filter(Boolean), el('p', { class: 'quiet', text: `As of ${clock(at)}.` }));
  }
}

const list = (rows) => rows || [];

function wrong(found) {
  if (!found) return el('p', { text: 'Nothing is known to be wrong.' });
  const words = [found.object, found.detail].filter(Boolean).join(': ');
  return el('div', {}, el('p', { class: 'sentence', text: found.message }), words ? el('pre', { text: words }) : '',
    found.for ? el('p', { class: 'quiet', text: `${forWhom(found.for)}.` }) : '');
}

/** pod is its row: those of its containers that aren't as they should be say why. */
function pod(of) {
  const containers = list(of.containers);
  const trouble = containers.filter((c) => c.reason && !c.ready).map((c) => `${c.name}: ${c.reason}`);
  const state = of.ending ? 'ending' : of.ready ? 'ready' : of.reason || of.phase;
  const last = containers.filter((c) => c.last).map((c) => `${c.name}: ${c.last.reason || ''} ${c.last.exitCode}${c.last.at ? `, ${clock(c.last.at)}` : ''}`);
  return [of.name, [state, ...trouble].join('; '), String(containers.reduce((sum, c) => sum + (c.restarts || 0), 0)), last.join('; ') || '—', of.message];
}

const gib = (bytes) => (bytes < 2 ** 30 ? `${Math.round(bytes / 2 ** 20)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`);

/** table makes one of rows; what a row has behind its last column is said below it. */
function table(caption, titles, rows) {
  if (!rows.length) return null;
  const cells = (row) => row.slice(0, titles.length).map((cell, at) => el(at ? 'td' : 'th', at ? {} : { scope: 'row' }, cell));
  return el('div', { class: 'wide', role: 'region', tabindex: '0', 'aria-label': caption }, el('table', { class: 'small-table' }, el('caption', { text: caption }),
    el('thead', {}, el('tr', {}, ...titles.map((text) => el('th', { scope: 'col', text })))),
    el('tbody', {}, ...rows.flatMap((row) => [el('tr', {}, ...cells(row)),
      row[titles.length] ? el('tr', { class: 'quiet' }, el('td', { colspan: String(titles.length), text: row[titles.length] })) : '']).filter(Boolean))));
}
