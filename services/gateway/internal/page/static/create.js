import * as api from './api.js';
import { $, announce, el, setText } from './dom.js';

/**
 * CreateForm is built from the catalog once, and again only when the catalog changed; what was typed is carried over.
 * One form keeps one Idempotency-Key until it has succeeded or its content changes, so an impatient second click, or a
 * click after a lost answer, makes no second store.
 */
export class CreateForm {
  constructor(created) {
    this.created = created;
    this.engines = [];
    this.key = '';
    this.sent = '';
    $('create-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.submit();
    });
    $('create-engines').addEventListener('change', () => this.showEngine());
  }

  offer(engines) {
    if (JSON.stringify(engines) === JSON.stringify(this.engines)) return;
    const typed = this.wish();
    this.engines = engines;
    $('create-form').hidden = engines.length === 0;
    $('create-unavailable').hidden = engines.length > 0;
    setText($('create-unavailable'), 'No engine is on offer yet. They appear here by themselves.');
    const chosen = engines.find((e) => e.name === typed.engine) || engines.find((e) => e.default) || engines[0];
    $('create-engines').replaceChildren(...engines.map((e) => choice('engine', e.name, e === chosen, e.title, e.description, e.tier === 'demo' ? 'demo' : '')));
    if (chosen) this.showEngine(typed);
  }

  engine() {
    const picked = $('create-form').querySelector('input[name="engine"]:checked');
    return picked && this.engines.find((e) => e.name === picked.value);
  }

  showEngine(typed = this.wish()) {
    const engine = this.engine();
    const plan = engine.plans.find((p) => p.name === typed.plan) || engine.plans.find((p) => p.default);
    $('create-plans').replaceChildren(...engine.plans.map((p) =>
      choice('plan', p.name, p === plan, p.title, sizeOf(p))));
    $('create-more').hidden = engine.options.length === 0;
    $('create-options').replaceChildren(...engine.options.map((o) => optionField(o, typed.options[o.name])));
    $('create-more').open = engine.options.some((o) => o.required);
  }

  wish() {
    const form = $('create-form');
    const picked = (name) => form.querySelector(`input[name="${name}"]:checked`)?.value;
    const options = {};
    for (const input of $('create-options').querySelectorAll('[data-option]')) {
      const value = optionValue(input);
      if (value !== undefined) options[input.dataset.option] = value;
    }
    return { name: $('create-name').value.trim(), engine: picked('engine'), plan: picked('plan'), options };
  }

  async submit() {
    this.clearErrors();
    const wish = this.wish();
    const content = JSON.stringify(wish);
    if (content !== this.sent || !this.key) {
      this.key = api.newKey();
      this.sent = content;
    }
    const button = $('create-submit');
    button.disabled = true;
    setText(button, 'Creating…');
    try {
      const store = await api.create(wish, this.key);
      this.key = '';
      $('create-form').reset();
      this.showEngine({ options: {} });
      announce(`${store.name} is being created`);
      this.created(store);
    } catch (problem) {
      this.showProblem(problem);
    } finally {
      button.disabled = false;
      setText(button, 'Create store');
    }
  }

  showProblem(problem) {
    const faults = problem.faults.length ? problem.faults : problem.field ? [{ field: problem.field, message: problem.message }] : [];
    const homeless = faults.filter((fault) => !this.showFault(fault));
    if (!faults.length || homeless.length) setText($('create-error'), problem.message);
  }

  showFault({ field, message }) {
    const place = $('create-form').querySelector(`[data-error-for="${CSS.escape(field)}"]`);
    if (!place) return false;
    if (field.startsWith('options.')) $('create-more').open = true;
    setText(place, message);
    const input = document.getElementById(`create-${field.replace('.', '-')}`);
    if (input) {
      input.setAttribute('aria-invalid', 'true');
      input.focus();
    }
    return true;
  }

  clearErrors() {
    setText($('create-error'), '');
    for (const node of $('create-form').querySelectorAll('[data-error-for]')) setText(node, '');
    for (const node of $('create-form').querySelectorAll('[aria-invalid]')) node.removeAttribute('aria-invalid');
  }
}

export { choice, optionField, optionValue, sizeOf };

/** sizeOf says a plan's Kubernetes quantities as people do. */
function sizeOf(plan) {
  const cpu = plan.cpu.endsWith('m') ? String(Number(plan.cpu.slice(0, -1)) / 1000) : plan.cpu;
  const bytes = (quantity) => quantity.replace(/^([\d.]+)([KMGT]i)$/, '$1 $2B');
  return `${cpu} CPU, ${bytes(plan.memory)} memory, ${bytes(plan.storage)} storage`;
}

function choice(name, value, checked, title, about, tag, disabled) {
  // The attribute and not the property: it is what a reset of the form goes back to.
  const input = el('input', { type: 'radio', name, value, checked, disabled });
  return el('label', { class: 'choice' }, input,
    el('b', { text: title }, tag ? el('span', { class: 'tag', text: tag }) : ''), el('small', { text: about }));
}

function optionField(option, typed, form = 'create') {
  const id = `${form}-options-${option.name}`;
  const value = typed !== undefined ? typed : option.default;
  const shared = { id, data: { option: option.name, type: option.type }, 'aria-describedby': `${id}-hint ${id}-error` };
  const hint = el('p', { class: 'hint', id: `${id}-hint`, text: option.description || '' });
  const error = el('p', { class: 'error', id: `${id}-error`, data: { errorFor: `options.${option.name}` } });
  if (option.type === 'boolean') {
    const box = el('input', { ...shared, type: 'checkbox' });
    box.checked = Boolean(value);
    return el('div', { class: 'option' }, el('label', { class: 'check' }, box, option.title), hint, error);
  }
  let input;
  if (option.type === 'enum') {
    input = el('select', shared, ...option.enum.map((v) => el('option', { value: v, text: v })));
    if (value !== undefined) input.value = value;
  } else {
    const number = option.type === 'integer';
    input = el('input', { ...shared, type: number ? 'number' : 'text', maxlength: number ? undefined : option.max, min: number ? option.min : undefined, max: number ? option.max : undefined, autocomplete: 'off' });
    input.value = value !== undefined ? String(value) : '';
  }
  return el('div', { class: 'option' }, el('label', { for: id, text: option.title + (option.required ? ' (required)' : '') }), input, hint, error);
}

function optionValue(input) {
  if (input.dataset.type === 'boolean') return input.checked;
  if (input.value === '') return undefined;
  return input.dataset.type === 'integer' ? Number(input.value) : input.value;
}
