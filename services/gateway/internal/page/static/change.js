import * as api from './api.js';
import { choice, optionField, optionValue, sizeOf } from './create.js';
import { announce, dateAndClock, el, setText } from './dom.js';

const LIFETIMES = [['1h', 'An hour from now'], ['24h', 'A day from now'], ['168h', 'A week from now'], ['720h', '30 days from now']];

/**
 * ChangeForm changes a store's name, lifetime, plan and options. It owns its draft: it is filled from the store when it is
 * opened, and what is typed into it stays, whatever happens to the store. Only what was touched is sent, so two people who
 * change different things don't undo each other; of the same thing the second is told first.
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
    // What was opened and not touched goes along with the store, unless somebody is about to.
    if (this.node.open && this.base && this.base.version !== store.version && !this.form.contains(document.activeElement)) this.fill();
    if (this.save) this.lock(store);
  }

  lock(store) {
    const busy = Boolean(store.operation) || !['Ready', 'Degraded', 'Suspended'].includes(store.status);
    setText(this.busy, busy ? 'Plan and options can be changed when nothing else is being done about the store and it stands.' : '');
    this.busy.hidden = !busy;
  }

  fill() {
    const store = this.model.get(this.id);
    if (!this.node.open || !store || (this.base && this.touched())) return;
    this.base = store;
    const engine = this.model.engine(store.engine);
    const own = engine && engine.version === store.engineVersion ? engine : null;
    this.name = el('input', { id: 'change-name', name: 'name', maxlength: '60', autocomplete: 'off', value: store.name, 'aria-describedby': 'change-name-error' });
    this.lifetime = el('select', { id: 'change-ttl', name: 'ttl', 'aria-describedby': 'change-ttl-error' },
      el('option', { value: 'keep', text: store.expiresAt ? `As it is: until ${dateAndClock(store.expiresAt)}` : 'As it is: for ever' }),
      store.expiresAt ? el('option', { value: 'never', text: 'For ever' }) : '', ...LIFETIMES.map(([value, text]) => el('option', { value, text })));
    this.busy = el('p', { class: 'hint', hidden: true });
    this.error = el('p', { class: 'form-error', role: 'alert' });
    this.save = el('button', { class: 'button primary', type: 'submit', text: 'Save changes' });
    this.form = el('form', { novalidate: true, on: { submit: (event) => { event.preventDefault(); this.submit(); } } },
      field('name', 'Name', this.name), field('ttl', 'Deleted by itself', this.lifetime), ...this.offered(store, own), this.busy, this.error,
      el('div', { class: 'actions' }, this.save, el('button', { class: 'button', type: 'button', text: 'Take it back', on: { click: () => this.reset() } })));
    this.place.replaceChildren(this.form);
    this.before = this.values();
    this.lock(store);
  }

  /** offered are plans and options of the store's own version: of another one nothing is known here. */
  offered(store, engine) {
    if (!engine) return [el('p', { class: 'hint', text: 'This version of the engine is no longer on offer, so its plans and options aren’t known here.' })];
    const stands = engine.plans.find((plan) => plan.name === store.plan);
    const plans = engine.plans.map((plan) => {
      const less = stands && bytes(plan.storage) < bytes(stands.storage);
      return choice('change-plan', plan.name, plan.name === store.plan, plan.title, less ? `${sizeOf(plan)}. Less storage than now: volumes never shrink.` : sizeOf(plan), '', less);
    });
    const options = engine.options.filter((option) => option.change !== 'never');
    return [
      el('fieldset', { class: 'field' }, el('legend', { text: 'Plan' }), el('div', { class: 'choices three' }, ...plans), el('p', { class: 'error', data: { errorFor: 'plan' } })),
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

  /** overtaken says what of the wish somebody else has changed since the form was filled. */
  overtaken(wish) {
    const now = this.model.get(this.id);
    const moved = [];
    if (wish.name !== undefined && now.name !== this.base.name) moved.push(`the name is now “${now.name}”`);
    if (wish.ttl !== undefined && now.expiresAt !== this.base.expiresAt) moved.push(now.expiresAt ? `it is now deleted ${dateAndClock(now.expiresAt)}` : 'it now stays for ever');
    if (wish.plan !== undefined && now.plan !== this.base.plan) moved.push(`the plan is now ${now.plan}`);
    for (const name of Object.keys(wish.options || {})) {
      const value = (now.options || {})[name];
      if (value !== (this.base.options || {})[name]) moved.push(`${name} is now ${value ?? 'its default'}`);
    }
    this.base = now;
    return moved.length ? `Somebody changed it meanwhile: ${moved.join(', ')}. Save again to replace that.` : '';
  }

  async submit() {
    this.clear();
    const wish = this.wish();
    if (!Object.keys(wish).length) return setText(this.error, 'Nothing was changed.');
    const moved = this.overtaken(wish);
    if (moved) return setText(this.error, moved);
    this.save.disabled = true;
    try {
      const store = await api.change(this.id, wish);
      this.before = null;
      this.base = null;
      this.changed(store);
      this.fill();
      this.save.focus();
      announce(`${store.name}: ${store.operation ? 'the change has begun' : 'changed'}`);
    } catch (problem) {
      this.show(problem);
    } finally {
      this.save.disabled = false;
    }
  }

  show(problem) {
    const place = problem.field && this.form.querySelector(`[data-error-for="${CSS.escape(problem.field)}"]`);
    if (!place) return setText(this.error, problem.message);
    setText(place, problem.message);
    const input = this.form.querySelector(`#change-${CSS.escape(problem.field.replace('.', '-'))}`);
    if (!input) return;
    input.setAttribute('aria-invalid', 'true');
    input.focus();
  }

  clear() {
    setText(this.error, '');
    for (const node of this.form.querySelectorAll('[data-error-for]')) setText(node, '');
    for (const node of this.form.querySelectorAll('[aria-invalid]')) node.removeAttribute('aria-invalid');
  }

  reset() {
    this.before = null;
    this.base = null;
    this.fill();
    this.name.focus();
  }
}

function field(name, title, input) {
  return el('div', { class: 'field' }, el('label', { for: `change-${name}`, text: title }), input,
    el('p', { class: 'error', id: `change-${name}-error`, data: { errorFor: name } }));
}

const UNITS = { '': 1, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/** bytes reads one of Kubernetes' quantities. */
function bytes(quantity) {
  const [, number, unit] = /^([\d.]+)(.*)$/.exec(quantity) || [];
  return Number(number) * UNITS[unit];
}
