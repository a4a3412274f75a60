import * as api from './api.js';
import { dateAndClock, clock, el, safeURL, setText } from './dom.js';
import { Fold } from './fold.js';
import { forWhom } from './words.js';

/** Explain says why a store is where it is, what to do about it and who does, and what led there. */
export class Explain extends Fold {
  constructor(id) {
    super({ title: 'Why is it where it is?', ask: () => api.explain(id), show: (answer, place) => this.fill(answer, place) });
    this.sentence = el('p', { class: 'sentence' });
    this.next = el('p', {});
    this.detail = el('pre', {});
    this.more = el('a', { target: '_blank', rel: 'noopener', text: 'What this means, and what to do' });
    this.chain = el('ol', { class: 'chain', 'aria-label': 'What led there' });
    this.shown = '';
  }

  fill(answer, place) {
    setText(this.sentence, answer.sentence || '');
    setText(this.next, [forWhom(answer.for), answer.next].filter(Boolean).join(': '));
    setText(this.detail, [answer.object, answer.detail].filter(Boolean).join(': '));
    this.detail.hidden = !this.detail.textContent;
    const href = safeURL(answer.runbook);
    this.more.hidden = !href;
    if (href) this.more.setAttribute('href', href);
    const same = JSON.stringify(answer.chain || []);
    if (same !== this.shown) this.chain.replaceChildren(...(answer.chain || []).map(link));
    this.shown = same;
    if (!place.childElementCount) place.append(this.sentence, this.detail, this.next, this.more, this.chain);
  }
}

function link({ at, kind, title, text, object, ok }) {
  const went = ok === undefined ? '' : ok ? 'ok' : 'bad';
  return el('li', { data: { kind: went || kind } },
    at ? el('time', { datetime: at, title: dateAndClock(at), text: clock(at) }) : el('span', { class: 'quiet', text: '—' }),
    el('div', {}, el('span', { text: [object, title].filter(Boolean).join(': ') }), went ? el('span', { class: 'sr', text: ok ? ' (went well)' : ' (went wrong)' }) : '',
      text ? el('p', { class: 'quiet', text }) : ''));
}
