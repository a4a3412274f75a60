import * as api from './api.js';
import { announce, busy, el, setText } from './dom.js';

/**
 * Secrets shows a store's passwords on request. They live in this part of the page and nowhere else, and go when it is
 * hidden. The admin key, where one is needed, is kept until the page is left, never in storage.
 */
let adminKey = '';

export const operatorKey = () => adminKey;

export class Secrets {
  constructor(id) {
    this.id = id;
    this.button = el('button', { class: 'button', type: 'button', text: 'Show passwords', on: { click: () => (this.shown ? this.forget() : this.show()) } });
    this.error = el('p', { class: 'form-error', role: 'alert' });
    this.place = el('div');
    this.node = el('section', { hidden: true }, el('h3', { text: 'Passwords' }), this.button, this.place, this.error);
  }

  forget() {
    this.shown = false;
    this.place.replaceChildren();
    setText(this.error, '');
    setText(this.button, 'Show passwords');
  }

  async show() {
    setText(this.error, '');
    try {
      const credentials = await busy(this.button, () => api.credentials(this.id, adminKey));
      this.shown = true;
      if (adminKey) dispatchEvent(new Event('unlocked'));
      this.place.replaceChildren(table(credentials));
      setText(this.button, 'Hide passwords');
      announce('Passwords are shown. This look was noted.');
    } catch (problem) {
      if (problem.code === 'admin_key_required' || problem.code === 'admin_key_wrong') this.askKey(problem);
      else setText(this.error, problem.message);
    }
  }

  askKey(problem) {
    adminKey = '';
    const input = el('input', { type: 'password', autocomplete: 'off', 'aria-label': 'Admin key', placeholder: 'Admin key' });
    const form = el('form', { class: 'key-form', on: { submit: (event) => {
      event.preventDefault();
      adminKey = input.value;
      this.show();
    } } }, input, el('button', { class: 'button', type: 'submit', text: 'Unlock' }));
    this.place.replaceChildren(form);
    setText(this.error, problem.code === 'admin_key_wrong' ? 'That key is wrong.' : 'Passwords are shown to the holder of the admin key only.');
    input.focus();
  }
}

function table(credentials) {
  if (!credentials.length) return el('p', { class: 'quiet', text: 'This engine has none to show.' });
  const rows = credentials.map((c) => {
    const copy = el('button', { class: 'button small', type: 'button', text: 'Copy', 'aria-label': `Copy the password of ${c.title}`, on: { click: async () => {
      try {
        await navigator.clipboard.writeText(c.password);
        setText(copy, 'Copied');
      } catch {
        setText(copy, 'Select it and copy');
      }
    } } });
    return el('tr', {}, el('th', { scope: 'row', text: c.title || c.name }), el('td', {}, c.username ? el('code', { text: c.username }) : '—'),
      el('td', {}, el('code', { text: c.password })), el('td', {}, copy));
  });
  return el('table', { class: 'credentials' }, el('thead', {}, el('tr', {}, el('th', { scope: 'col', text: 'For' }),
    el('th', { scope: 'col', text: 'User' }), el('th', { scope: 'col', text: 'Password' }), el('th', {}, el('span', { class: 'sr', text: 'Copy' })))), el('tbody', {}, ...rows));
}
