import * as api from './api.js';
import { $, clock, dateAndClock, el, safeURL, setText } from './dom.js';
import { Secrets } from './secrets.js';
import { currentStep, eventWords, isTeardown, progressOf, stepTitle, stepsOf } from './words.js';

/**
 * Detail shows one store. It is built when a store is opened and changed in place from then on; the timeline only ever
 * grows. Events come from the history once and from the feed afterwards, told apart by their sequence.
 */
export class Detail {
  constructor(model, actions) {
    this.model = model;
    this.actions = actions;
    this.id = '';
  }

  async open(id) {
    if (this.id === id) return this.render();
    this.id = id;
    this.events = new Map();
    this.linksFor = 0;
    this.deleteSeq = undefined;
    this.stepsShown = '';
    this.build();
    this.render();
    await this.catchUp();
  }

  close() {
    this.id = '';
  }

  /** focus tells a screen reader that another store is shown now. */
  focus() {
    this.name.focus({ preventScroll: true });
  }

  build() {
    const part = (name, tag, props) => (this[name] = el(tag, props));
    this.retryButton = el('button', { class: 'button primary', type: 'button', text: 'Try again', on: { click: () => this.retry() } });
    this.deleteButton = el('button', { class: 'button danger', type: 'button', text: 'Delete', on: { click: () => this.actions.askDelete(this.model.get(this.id)) } });
    const head = el('div', { class: 'detail-head' }, part('name', 'h2', { id: 'detail-name', tabindex: '-1' }), part('pill', 'span', { class: 'pill' }),
      el('div', { class: 'actions' }, this.retryButton, this.deleteButton));
    part('facts', 'p', { class: 'facts' });
    part('note', 'div', { class: 'note', role: 'status' });
    part('noteText', 'p');
    part('noteWords', 'pre');
    this.noteMore = el('details', {}, el('summary', { text: 'In the cluster’s own words' }), this.noteWords);
    this.note.append(this.noteText, this.noteMore);
    part('steps', 'ol', { class: 'steps', 'aria-label': 'Steps' });
    part('links', 'div', { class: 'links' });
    part('address', 'p', { class: 'address mono' });
    this.linksPart = el('section', { hidden: true }, el('h3', { text: 'Open' }), this.links, this.address);
    this.secrets = new Secrets(this.id);
    part('actionError', 'p', { class: 'form-error', role: 'alert' });
    part('timeline', 'ol', { class: 'timeline', 'aria-label': 'What happened' });
    part('timelineError', 'p', { class: 'quiet' });
    $('detail').replaceChildren(head, this.facts, this.actionError, this.note, this.steps, this.linksPart, this.secrets.node,
      el('h3', { text: 'What happened' }), this.timeline, this.timelineError);
  }

  render() {
    const store = this.model.get(this.id);
    if (!store) {
      setText(this.name, 'Looking for the store…');
      for (const node of [this.pill, this.note, this.steps, this.retryButton, this.deleteButton, this.secrets.node]) node.hidden = true;
      return;
    }
    const engine = this.model.engine(store.engine);
    setText(this.name, store.name);
    this.pill.hidden = false;
    setText(this.pill, store.status);
    this.pill.dataset.status = store.status;
    this.renderFacts(store, engine);
    this.renderNote(store, engine);
    this.renderSteps(store);
    this.retryButton.hidden = store.status !== 'Failed' && !(store.status === 'Degraded' && !store.operation);
    this.deleteButton.hidden = store.status === 'Deleting' || store.status === 'Deleted';
    const stands = store.status === 'Ready' || store.status === 'Degraded';
    this.secrets.node.hidden = !stands;
    if (!stands) this.secrets.forget();
    this.linksPart.hidden = !stands;
    setText(this.address, store.url || '');
    if (stands && this.linksFor !== store.generation) this.loadLinks(store);
  }

  renderFacts(store, engine) {
    const texts = [engine ? engine.title : store.engine, `Plan ${store.plan}`, `Made ${dateAndClock(store.createdAt)}`];
    if (store.expiresAt && store.status !== 'Deleted') texts.push(`Deleted by itself ${dateAndClock(store.expiresAt)}`);
    if (store.attempt > 1) texts.push(`Attempt ${store.attempt}`);
    this.facts.replaceChildren(...texts.map((text) => el('span', { text })), el('span', { class: 'mono', text: store.id }));
  }

  renderNote(store, engine) {
    const quiet = store.status === 'Ready' || store.status === 'Deleted';
    this.note.hidden = quiet;
    if (quiet) return;
    this.note.classList.toggle('bad', store.status === 'Failed' || store.status === 'Degraded');
    const due = store.notBefore ? ` Next attempt at ${clock(store.notBefore)}.` : '';
    setText(this.noteText, progressOf(store, engine, this.model.platform) + due);
    this.noteMore.hidden = !store.detail;
    setText(this.noteWords, store.detail || '');
  }

  renderSteps(store) {
    const hidden = store.status === 'Ready' || store.status === 'Deleted' || (store.status === 'Degraded' && !store.operation);
    this.steps.hidden = hidden;
    if (hidden) return;
    const now = store.status === 'Queued' ? '' : currentStep(store);
    const teardown = isTeardown(store);
    const rows = stepsOf(store).map((step) => {
      const done = store.steps.includes(step);
      const state = done ? 'done' : step !== now ? 'later' : store.status === 'Failed' ? 'failed' : 'now';
      const spoken = { done: 'done', now: 'under way', failed: 'failed', later: 'not yet' }[state];
      return el('li', { data: { state }, 'aria-current': state === 'now' ? 'step' : undefined }, stepTitle(step, teardown), el('span', { class: 'sr', text: `: ${spoken}` }));
    });
    const same = rows.map((row) => row.dataset.state + row.textContent).join();
    if (same !== this.stepsShown || this.steps.childElementCount === 0) {
      this.stepsShown = same;
      this.steps.replaceChildren(...rows);
    }
  }

  async loadLinks(store) {
    this.linksFor = store.generation;
    try {
      const links = await api.links(store.id);
      if (this.id !== store.id) return;
      this.links.replaceChildren(...links.map((link, at) => {
        const href = safeURL(link.url);
        return href && el('a', { class: at === 0 ? 'button primary' : 'button', href, target: '_blank', rel: 'noopener noreferrer', text: `${link.title} ↗` });
      }));
    } catch {
      this.linksFor = 0;
      const href = safeURL(store.url);
      if (href) this.links.replaceChildren(el('a', { class: 'button primary', href, target: '_blank', rel: 'noopener noreferrer', text: 'Open store ↗' }));
    }
  }

  /** catchUp reads what isn't shown yet; it is called when a store is opened and after an outage. */
  async catchUp() {
    const id = this.id;
    if (!id) return;
    let after = Math.max(0, ...this.events.keys());
    try {
      do {
        const page = await api.history(id, after);
        if (this.id !== id) return;
        page.events.forEach((event) => this.addEvent(event));
        after = page.next || 0;
      } while (after);
      setText(this.timelineError, '');
    } catch (problem) {
      if (this.id === id) setText(this.timelineError, `The history can’t be read right now. ${problem.message}`);
    }
  }

  addEvent(event) {
    if (event.store !== this.id || this.events.has(event.seq)) return;
    if (event.type === 'delete') this.deleteSeq = event.seq;
    const words = eventWords(event, this.deleteSeq !== undefined && event.generation >= this.deleteSeq);
    const item = el('li', { data: { seq: String(event.seq), kind: words.kind || '' } },
      el('time', { datetime: event.time, title: dateAndClock(event.time), text: clock(event.time) }),
      el('div', {}, el('span', { text: words.title }), words.more ? el('p', { class: 'quiet', text: words.more }) : '',
        words.detail ? el('p', { class: 'quiet mono', text: words.detail }) : ''));
    this.events.set(event.seq, item);
    // Newest first; what comes late from the history still finds its place.
    const next = [...this.timeline.children].find((other) => Number(other.dataset.seq) < event.seq);
    this.timeline.insertBefore(item, next || null);
  }

  async retry() {
    setText(this.actionError, '');
    this.retryButton.disabled = true;
    try {
      this.actions.changed(await api.retry(this.id));
    } catch (problem) {
      setText(this.actionError, problem.message);
    } finally {
      this.retryButton.disabled = false;
    }
  }
}
