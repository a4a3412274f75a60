import * as api from './api.js';
import { ChangeForm } from './change.js';
import { $, busy, clock, dateAndClock, el, safeURL, setText } from './dom.js';
import { Explain } from './explain.js';
import { Line } from './line.js';
import { Logs } from './logs.js';
import { Monitoring } from './monitoring.js';
import { Secrets } from './secrets.js';
import { currentStep, doing, doingWords, eventWords, failureWords, progressOf, stepTitle, stepsOf } from './words.js';

/**
 * Detail shows one store. It is built when a store is opened and changed in place from then on; the timeline only ever
 * grows. Events come from the history once and from the feed afterwards, told apart by their sequence.
 */
export class Detail {
  constructor(model, actions) {
    this.model = model;
    this.actions = actions;
    this.id = '';
    this.drafts = new Map();
  }

  async open(id) {
    if (this.id === id) return this.render();
    this.close();
    this.id = id;
    this.events = new Map();
    this.linksFor = 0;
    this.stepsShown = '';
    this.asked = false;
    this.build();
    this.render();
    await this.catchUp();
  }

  /** close keeps what was typed into the store's form for when it is opened again. */
  close() {
    if (this.id && this.change.touched()) this.drafts.set(this.id, this.change);
    if (this.id) this.folds.forEach((fold) => fold.close());
    this.id = '';
  }

  /** focus tells a screen reader that another store is shown now. */
  focus() {
    this.name.focus({ preventScroll: true });
  }

  build() {
    const part = (name, tag, props) => (this[name] = el(tag, props));
    const button = (text, kind, click) => el('button', { class: `button ${kind}`, type: 'button', text, on: { click } });
    const wants = (verb) => (event) => this.ask(event.target, () => api.command(this.id, verb));
    this.retryButton = button('Try again', 'primary', wants('retry'));
    this.resumeButton = button('Resume', 'primary', wants('resume'));
    this.suspendButton = button('Suspend…', '', () => this.actions.askSuspend(this.model.get(this.id)));
    this.cancelButton = button('Call off', '', wants('cancel'));
    this.deleteButton = el('button', { class: 'button danger', type: 'button', text: 'Delete', on: { click: () => this.actions.askDelete(this.model.get(this.id)) } });
    const head = el('div', { class: 'detail-head' }, part('name', 'h2', { id: 'detail-name', tabindex: '-1' }), part('pill', 'span', { class: 'pill' }),
      part('doing', 'span', { class: 'doing' }), el('div', { class: 'actions' }, this.cancelButton, this.retryButton, this.resumeButton, this.suspendButton, this.deleteButton));
    part('facts', 'p', { class: 'facts' });
    part('note', 'div', { class: 'note', role: 'status' });
    part('noteText', 'p');
    part('noteWords', 'pre');
    this.noteMore = el('details', {}, el('summary', { text: 'In the cluster’s own words' }), this.noteWords);
    this.note.append(this.noteText, this.noteMore);
    part('failures', 'ul', { class: 'failures', 'aria-label': 'What failed' });
    this.failuresShown = '';
    this.change = this.drafts.get(this.id) || new ChangeForm(this.id, this.model, this.actions.changed);
    this.drafts.delete(this.id);
    part('steps', 'ol', { class: 'steps', 'aria-label': 'Steps' });
    part('links', 'div', { class: 'links' });
    part('address', 'p', { class: 'address mono' });
    this.linksPart = el('section', { hidden: true }, el('h3', { text: 'Open' }), this.links, this.address);
    this.secrets = new Secrets(this.id);
    this.line = new Line();
    this.folds = [new Explain(this.id), new Monitoring(this.id), new Logs(this.id)];
    this.foldsPart = el('div', { hidden: true }, ...this.folds.map((fold) => fold.node));
    part('actionError', 'p', { class: 'form-error', role: 'alert' });
    part('timeline', 'ol', { class: 'timeline', 'aria-label': 'What happened' });
    part('timelineError', 'p', { class: 'quiet' });
    $('detail').replaceChildren(head, this.facts, this.actionError, this.note, this.line.node, this.steps, this.failures, this.linksPart, this.secrets.node, this.change.node,
      this.foldsPart, el('h3', { text: 'What happened' }), this.timeline, this.timelineError);
  }

  render() {
    const store = this.model.get(this.id);
    if (!store) {
      setText(this.name, 'Looking for the store…');
      for (const node of [this.pill, this.note, this.steps, this.failures, this.secrets.node, this.change.node, this.foldsPart, ...this.buttons()]) node.hidden = true;
      return;
    }
    const engine = this.model.engineOf(store);
    if (!engine) this.learn(store);
    setText(this.name, store.name);
    this.pill.hidden = false;
    setText(this.pill, store.status);
    this.pill.dataset.status = store.status;
    setText(this.doing, doingWords(store));
    this.renderFacts(store);
    this.renderNote(store, engine);
    this.line.render(store);
    this.foldsPart.hidden = false;
    this.renderSteps(store);
    this.renderFailures(store);
    this.renderButtons(store, engine);
    this.change.render(store);
    const stands = store.status === 'Ready' || store.status === 'Degraded';
    this.secrets.node.hidden = !stands;
    if (!stands) this.secrets.forget();
    this.linksPart.hidden = !stands;
    setText(this.address, store.url || '');
    if (stands && this.linksFor !== store.generation) this.loadLinks(store);
  }

  buttons() {
    return [this.retryButton, this.resumeButton, this.suspendButton, this.cancelButton, this.deleteButton];
  }

  renderButtons(store, engine) {
    const idle = !store.operation;
    const going = store.status === 'Deleting' || store.status === 'Deleted';
    const up = store.status === 'Ready' || store.status === 'Degraded';
    // What failed has a button of its own; what was called off has none, and hides none.
    this.retryButton.hidden = !idle || !(store.status === 'Failed' || (store.status === 'Degraded' && !waiting(store).length));
    this.resumeButton.hidden = !(idle && store.status === 'Suspended');
    this.suspendButton.hidden = !(idle && up && engine && engine.suspends);
    this.cancelButton.hidden = idle || going;
    this.deleteButton.hidden = going;
  }

  /** renderFailures lists what failed of a store that stands; of one that was never made the note says it. */
  renderFailures(store) {
    const failures = store.status === 'Failed' ? [] : waiting(store);
    this.failures.hidden = failures.length === 0;
    const same = JSON.stringify([failures, store.operation]);
    if (same === this.failuresShown) return;
    this.failuresShown = same;
    this.failures.replaceChildren(...failures.map((failure) => el('li', {},
      el('div', {}, el('p', { text: failureWords(failure) }), el('p', { class: 'quiet', text: `${dateAndClock(failure.at)}. The store stands as it stood before.` }),
        failure.detail ? el('details', {}, el('summary', { text: 'In the cluster’s own words' }), el('pre', { text: failure.detail })) : ''),
      store.operation ? '' : el('button', { class: 'button small', type: 'button', text: 'Try again', 'aria-label': `Try again: ${failureWords(failure)}`,
        on: { click: (event) => this.ask(event.target, () => api.redrive(failure.generation)) } }))));
  }

  renderFacts(store) {
    const engine = this.model.engine(store.engine);
    const texts = [engine ? engine.title : store.engine, `Plan ${store.plan}`, `Made ${dateAndClock(store.createdAt)}`];
    if (store.expiresAt && store.status !== 'Deleted') texts.push(`Deleted by itself ${dateAndClock(store.expiresAt)}`);
    if (store.attempt > 1) texts.push(`Attempt ${store.attempt}`);
    this.facts.replaceChildren(...texts.map((text) => el('span', { text })), el('span', { class: 'mono', text: store.id }));
  }

  renderNote(store, engine) {
    const quiet = (store.status === 'Ready' && !store.operation) || store.status === 'Deleted';
    this.note.hidden = quiet;
    if (quiet) return;
    this.note.classList.toggle('bad', store.status === 'Failed' || store.status === 'Degraded');
    const due = store.notBefore ? ` Next attempt at ${clock(store.notBefore)}.` : '';
    setText(this.noteText, progressOf(store, engine, this.model.platform) + due);
    this.noteMore.hidden = !store.detail;
    setText(this.noteWords, store.detail || '');
  }

  renderSteps(store) {
    const hidden = !store.operation && store.status !== 'Failed';
    this.steps.hidden = hidden;
    if (hidden) return;
    const now = store.status === 'Queued' ? '' : currentStep(store);
    const rows = stepsOf(store).map((step) => {
      const done = store.steps.includes(step);
      const state = done ? 'done' : step !== now ? 'later' : store.status === 'Failed' ? 'failed' : 'now';
      const spoken = { done: 'done', now: 'under way', failed: 'failed', later: 'not yet' }[state];
      return el('li', { data: { state }, 'aria-current': state === 'now' ? 'step' : undefined }, stepTitle(step, doing(store)), el('span', { class: 'sr', text: `: ${spoken}` }));
    });
    const same = rows.map((row) => row.dataset.state + row.textContent).join();
    if (same !== this.stepsShown || this.steps.childElementCount === 0) {
      this.stepsShown = same;
      this.steps.replaceChildren(...rows);
    }
  }

  /** learn asks for the version of the engine that the store is of, where another is on offer; after an outage once more. */
  async learn(store) {
    if (this.asked || !this.model.engines.length) return;
    this.asked = true;
    try {
      this.model.learn(await api.engineOf(store.id));
      if (this.id === store.id) this.render();
    } catch {
      // Until then there is nothing to choose of it.
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

  /** reconnected asks anew for what an outage kept away. */
  reconnected() {
    this.asked = false;
    this.folds.forEach((fold) => fold.happened());
    return this.catchUp();
  }

  /** catchUp reads what of the history isn't shown yet. */
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
    const words = eventWords(event);
    const item = el('li', { data: { seq: String(event.seq), kind: words.kind || '' } },
      el('time', { datetime: event.time, title: dateAndClock(event.time), text: clock(event.time) }),
      el('div', {}, el('span', { text: words.title }), words.more ? el('p', { class: 'quiet', text: words.more }) : '',
        words.detail ? el('p', { class: 'quiet mono', text: words.detail }) : ''));
    this.events.set(event.seq, item);
    this.folds.forEach((fold) => fold.happened());
    // Newest first; what comes late from the history still finds its place.
    const next = [...this.timeline.children].find((other) => Number(other.dataset.seq) < event.seq);
    this.timeline.insertBefore(item, next || null);
  }

  /** ask sends a command and shows its answer. The button goes where it was pressed, so the focus moves to the store's name. */
  async ask(button, send) {
    setText(this.actionError, '');
    try {
      this.actions.changed(await busy(button, send));
      this.focus();
    } catch (problem) {
      setText(this.actionError, problem.message);
    }
  }
}

/** waiting are the failures of a store that nobody has dealt with. */
const waiting = (store) => (store.failures || []).filter((failure) => !failure.discarded);
