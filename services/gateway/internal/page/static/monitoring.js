import * as api from './api.js';
import { clock, dateAndClock, el } from './dom.js';
import { Fold } from './fold.js';

/** Monitoring shows what runs of a store, what is wrong with that, and how full its volumes are. */
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
    place.replaceChildren(wrong(answer.wrong), ...[
      table('Workloads', ['Workload', 'Serving'], list(answer.workloads).map((w) => [`${w.kind} ${w.name}`, `${w.available || 0} of ${w.wanted || 0}`, w.message])),
      table('Pods', ['Pod', 'State', 'Restarts', 'Ended last'], list(answer.pods).map(pod)),
      table('Volumes', ['Volume', 'In use'], list(answer.volumes).map((v) => [v.claim, fullness(v)])),
      table('Addresses', ['Host', 'Taken on'], list(answer.routes).map((r) => [r.host || 'any', r.admitted ? 'yes' : 'not said'])),
      table('Jobs', ['Job', 'When', 'Ended well last'], list(answer.crons).map((c) => [c.name, c.suspended ? 'halted' : c.schedule, c.lastSuccess ? dateAndClock(c.lastSuccess) : '—'])),
    ].filter(Boolean), el('p', { class: 'quiet', text: `As of ${clock(at)}.` }));
  }
}

const list = (rows) => rows || [];

function wrong(found) {
  if (!found) return el('p', { text: 'Nothing is known to be wrong.' });
  const words = [found.object, found.detail].filter(Boolean).join(': ');
  return el('div', {}, el('p', { class: 'sentence', text: found.message }), words ? el('pre', { text: words }) : '');
}

/** pod is its row: those of its containers that aren't as they should be say why. */
function pod(of) {
  const containers = list(of.containers);
  const trouble = containers.filter((c) => c.reason && !c.ready).map((c) => `${c.name}: ${c.reason}`);
  const state = of.ending ? 'ending' : of.ready ? 'ready' : of.reason || of.phase;
  const last = containers.filter((c) => c.last).map((c) => `${c.name}: ${c.last.reason || ''} ${c.last.exitCode}${c.last.at ? `, ${clock(c.last.at)}` : ''}`);
  return [of.name, [state, ...trouble].join('; '), String(containers.reduce((sum, c) => sum + (c.restarts || 0), 0)), last.join('; ') || '—', of.message];
}

function fullness(volume) {
  const size = volume.of || volume.capacity;
  if (!(volume.used >= 0) || !size) return `${volume.phase}, ${gib(volume.capacity || volume.requested)}; how full it is can’t be told`;
  const words = `${gib(volume.used)} of ${gib(size)}`;
  return el('span', { class: 'meter' }, el('progress', { max: String(size), value: String(volume.used), 'aria-label': `How full ${volume.claim} is`, 'aria-valuetext': words }), words);
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
