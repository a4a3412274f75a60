import { el, setText } from './dom.js';

// What the forms that make and change a store have in common: plans to choose from, an engine's options, and where it is said
// what is wrong with them.

const UNITS = { '': 1, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/** bytes reads one of Kubernetes' quantities. */
export function bytes(quantity) {
  const [, number, unit] = /^([\d.]+)(.*)$/.exec(quantity) || [];
  return Number(number) * UNITS[unit];
}

/** sizeOf says a plan's Kubernetes quantities as people do. */
export function sizeOf(plan) {
  const cpu = plan.cpu.endsWith('m') ? String(Number(plan.cpu.slice(0, -1)) / 1000) : plan.cpu;
  const said = (quantity) => quantity.replace(/^([\d.]+)([KMGT]i)$/, '$1 $2B');
  return `${cpu} CPU, ${said(plan.memory)} memory, ${said(plan.storage)} storage`;
}

export function choice(name, value, checked, title, about, tag, disabled) {
  // The attribute and not the property: it is what a reset of the form goes back to.
  const input = el('input', { type: 'radio', name, value, checked, disabled });
  return el('label', { class: 'choice' }, input,
    el('b', { text: title }, tag ? el('span', { class: 'tag', text: tag }) : ''), el('small', { text: about }));
}

export function optionField(option, typed, form = 'create') {
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

export function optionValue(input) {
  if (input.dataset.type === 'boolean') return input.checked;
  // Of what is no number the browser says nothing but that: sent as it is, it is refused where it stands.
  if (input.validity.badInput) return 'not a number';
  if (input.value === '') return undefined;
  return input.dataset.type === 'integer' ? Number(input.value) : input.value;
}

/**
 * showProblem says what is wrong where it is wrong, and puts the cursor into the first such field. Its error is read out with
 * it, as its description; that of a choice by being an alert. What belongs to no field of the form is said at its end.
 */
export function showProblem(form, end, problem) {
  const faults = problem.faults.length ? problem.faults : problem.field ? [{ field: problem.field, message: problem.message }] : [];
  const inputs = faults.map((fault) => showFault(form, fault));
  if (!faults.length || inputs.includes(null)) setText(end, problem.message);
  inputs.find(Boolean)?.focus();
}

/** showFault is the input of the fault's field, or null where the form has none. */
function showFault(form, { field, message }) {
  const place = form.querySelector(`[data-error-for="${CSS.escape(field)}"]`);
  if (!place) return null;
  setText(place, message);
  const around = place.parentElement;
  if (around.closest('details')) around.closest('details').open = true;
  const chosen = around.querySelector('input[type="radio"]:checked');
  if (chosen) return chosen; // it isn't invalid, the choice is, and that takes no cursor
  const input = around.querySelector('input, select');
  input?.setAttribute('aria-invalid', 'true');
  return input;
}

/** clearProblem takes back what was said of an earlier try. */
export function clearProblem(form, end) {
  setText(end, '');
  for (const node of form.querySelectorAll('[data-error-for]')) setText(node, '');
  for (const node of form.querySelectorAll('[aria-invalid]')) node.removeAttribute('aria-invalid');
}
