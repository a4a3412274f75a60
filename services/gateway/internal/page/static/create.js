import * as api from './api.js';
import { $, announce, busy, setText } from './dom.js';
import { choice, clearProblem, optionField, optionValue, showProblem, sizeOf } from './fields.js';

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
    clearProblem($('create-form'), $('create-error'));
    const wish = this.wish();
    const content = JSON.stringify(wish);
    if (content !== this.sent || !this.key) {
      this.key = api.newKey();
      this.sent = content;
    }
    try {
      await busy($('create-submit'), () => this.send(wish));
    } catch (problem) {
      showProblem($('create-form'), $('create-error'), problem);
    }
  }

  async send(wish) {
    setText($('create-submit'), 'Creating…');
    try {
      const store = await api.create(wish, this.key);
      this.key = '';
      $('create-form').reset();
      this.showEngine({ options: {} });
      announce(`${store.name} is being created`);
      this.created(store);
    } finally {
      setText($('create-submit'), 'Create store');
    }
  }
}
