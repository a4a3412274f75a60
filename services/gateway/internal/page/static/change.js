import * as api from './api.js';
import { announce, busy, dateAndClock, el, setText } from './dom.js';
import { bytes, choice, clearProblem, optionField, optionValue, showProblem, sizeOf } from './fields.js';

const HOUR = 3600e3;
const LIFETIMES = [[1, 'An hour from now'], [24, 'A day from now'], [168, 'A week from now'], [720, '30 days from now']];
// Ends that were asked for so shortly one after the other are one wish.
const SAME_END = HOUR / 6;

/**
 * ChangeForm changes a store's name, lifetime, plan and options. It owns its draft: it is filled from the store when it is
 * opened, and what is typed into it stays until it is sent or taken back, whatever happens to the store and wherever on the
 * page one goes meanwhile. Only what was touched is sent, so two people who change different things don't undo each other; of
 * the same thing the second is told first.
 */
export class ChangeForm {
  constructor(id, model, changed) {
    this.id = id;
    this.model = model;
    this.changed = changed;
    this.base = null;
    this.place = el('div');
    this.node = el('details', { class: 'more change', hidden: true }, el('summary', { text: 'Change name, lifetime, plan, options' }), this.place);
    this.node.addEventListener('toggle', () => this.fill());
  }

  render(store) {
    this.node.hidden = store.status === 'Deleting' || store.status === 'Deleted';
    const old = this.base && (this.base.version !== store.version || this.engine !== this.model.engineOf(store));
    // What was opened and not touched goes along with the store, unless somebody is about to.
    if (this.node.open && old && !this.form.contains(document.activeElement)) this.fill();
    if (this.save) this.lock(store);
  }

  lock(store) {
    const locked = Boolean(store.operation) || !['Ready', 'Degraded', 'Suspended'].includes(store.status);
    setText(this.locked, locked ? 'Plan and options can be changed when nothing else is being done about the store and it stands.' : '');
    this.locked.hidden = !locked;
  }

  fill() {
    const store = this.model.get(this.id);
    if (!this.node.open || !store || (this.base && this.touched())) return;
    this.base = store;
    this.engine = this.model.engineOf(store);
    this.name = el('input', { id: 'change-name', name: 'name', maxlength: '60', autocomplete: 'off', value: store.name, 'aria-describedby': 'change-name-error' });
    this.lifetime = el('select', { id: 'change-ttl', name: 'ttl', 'aria-describedby': 'change-ttl-error' },
      el('option', { value: 'keep', text: store.expiresAt ? `As it is: until ${dateAndClock(store.expiresAt)}` : 'As it is: for ever' }),
      store.expiresAt ? el('option', { value: 'never', text: 'For ever' }) : '', ...LIFETIMES.map(([hours, text]) => el('option', { value: `${hours}h`, text })));
    this.locked = el('p', { class: 'hint', hidden: true });
    this.error = el('p', { class: 'form-error', role: 'alert' });
    this.save = el('button', { class: 'button primary', type: 'submit', text: 'Save changes' });
    this.form = el('form', { novalidate: true, on: { submit: (event) => { event.preventDefault(); this.submit(); } } },
      field('name', 'Name', this.name), field('ttl', 'Deleted by itself', this.lifetime), ...this.offered(store), this.locked, this.error,
      el('div', { class: 'actions' }, this.save, el('button', { class: 'button', type: 'button', text: 'Take it back', on: { click: () => this.reset() } })));
    this.place.replaceChildren(this.form);
    this.before = this.values();
    this.lock(store);
  }

  /** offered are plans and options of the store's own version. */
  offered(store) {
    if (!this.engine) return [el('p', { class: 'hint', text: 'What plans and options this store can have isn’t known at the moment.' })];
    const stands = this.engine.plans.find((plan) => plan.name === store.plan);
    const plans = this.engine.plans.map((plan) => {
      const less = stands && bytes(plan.storage) < bytes(stands.storage);
      return choice('change-plan', plan.name, plan.name === store.plan, plan.title, less ? `${sizeOf(plan)}. Less storage than now: volumes never shrink.` : sizeOf(plan), '', less);
    });
    const options = this.engine.options.filter((option) => option.change !== 'never');
    return [
      el('fieldset', { class: 'field' }, el('legend', { text: 'Plan' }), el('div', { class: 'choices three' }, ...plans),
        el('p', { class: 'error', role: 'alert', data: { errorFor: 'plan' } })),
      ...options.map((option) => optionField(option, (store.options || {})[option.name], 'change')),
    ];
  }

  values() {
    const values = { name: this.name.value.trim(), ttl: this.lifetime.value, plan: this.form.querySelector('input[name="change-plan"]:checked')?.value, options: {} };
    for (const input of this.form.querySelectorAll('[data-option]')) values.options[input.dataset.option] = optionValue(input) ?? null;
    return values;
  }

  touched() {
    return Boolean(this.before) && JSON.stringify(this.values()) !== JSON.stringify(this.before);
  }

  /** wish is what was touched. */
  wish() {
    const now = this.values();
    const wish = {};
    if (now.name !== this.before.name) wish.name = now.name;
    if (now.ttl !== 'keep') wish.ttl = now.ttl === 'never' ? null : now.ttl;
    if (now.plan !== this.before.plan) wish.plan = now.plan;
    const options = Object.entries(now.options).filter(([name, value]) => value !== this.before.options[name]);
    if (options.length) wish.options = Object.fromEntries(options);
    return wish;
  }

  /**
   * overtaken says what of the wish somebody else has changed since the form was filled. What is so already needn't be
   * replaced: an earlier try may have done that much, and its answer been lost.
   */
  overtaken(wish, now) {
    const was = this.base;
    const moved = [];
    const other = (wanted, before, is) => is !== before && is !== wanted;
    if (wish.name !== undefined && other(wish.name, was.name, now.name)) moved.push(`the name is now “${now.name}”`);
    if (wish.ttl !== undefined && now.expiresAt !== was.expiresAt && !ends(wish.ttl, now.expiresAt)) {
      moved.push(now.expiresAt ? `it is now deleted ${dateAndClock(now.expiresAt)}` : 'it now stays for ever');
    }
    if (wish.plan !== undefined && other(wish.plan, was.plan, now.plan)) moved.push(`the plan is now ${now.plan}`);
    for (const [name, wanted] of Object.entries(wish.options || {})) {
      const value = (now.options || {})[name];
      const meant = wanted ?? this.engine.options.find((option) => option.name === name)?.default;
      if (other(meant, (was.options || {})[name], value)) moved.push(`${name} is now ${value ?? 'its default'}`);
    }
    this.base = now;
    return moved.length ? `Somebody changed it meanwhile: ${moved.join(', ')}. Save again to replace that.` : '';
  }

  async submit() {
    clearProblem(this.form, this.error);
    const wish = this.wish();
    if (!Object.keys(wish).length) return setText(this.error, 'Nothing was changed.');
    try {
      setText(this.error, await busy(this.save, () => this.send(wish)));
    } catch (problem) {
      showProblem(this.form, this.error, problem);
    }
  }

  /**
   * send answers with what the wish would replace of others', or has it done and answers nothing. It goes by the store as it is,
   * read for this, since what the feed told may be old; and by its ETag, so that nobody comes in between.
   */
  async send(wish) {
    let { store, etag } = await api.readTagged(this.id);
    for (;;) {
      this.changed(store);
      const moved = this.overtaken(wish, store);
      if (moved) return moved;
      try {
        this.saved(await api.change(this.id, wish, etag));
        return '';
      } catch (problem) {
        if (!problem.current || problem.etag === etag) throw problem;
        ({ current: store, etag } = problem);
      }
    }
  }

  saved(store) {
    this.before = null;
    this.base = null;
    this.changed(store);
    this.fill();
    this.save.focus();
    announce(`${store.name}: ${store.operation ? 'the change has begun' : 'changed'}`);
  }

  reset() {
    this.before = null;
    this.base = null;
    this.fill();
    this.name.focus();
  }
}

/** ends says whether a store that ends then has the lifetime, which counts from when it is asked for. */
function ends(ttl, at) {
  if (!ttl || !at) return !ttl && !at;
  return Math.abs(new Date(at) - Date.now() - parseInt(ttl, 10) * HOUR) < SAME_END;
}

function field(name, title, input) {
  return el('div', { class: 'field' }, el('label', { for: `change-${name}`, text: title }), input,
    el('p', { class: 'error', id: `change-${name}-error`, data: { errorFor: name } }));
}
