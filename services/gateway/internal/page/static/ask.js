import { $, announce, busy, setText } from './dom.js';

/**
 * ask wants a second click for what others notice. Where the cursor goes then is for after the dialog, beside which nothing can
 * have it: the button that it would go back to is gone by then.
 */
export function ask({ title, text, yes, send, then }) {
  const dialog = $('ask');
  setText($('ask-title'), title);
  setText($('ask-text'), text);
  setText($('ask-yes'), yes);
  setText($('ask-error'), '');
  $('ask-no').onclick = () => dialog.close();
  $('ask-form').onsubmit = async (event) => {
    event.preventDefault();
    try {
      await busy($('ask-yes'), send);
      dialog.close();
      then();
    } catch (problem) {
      setText($('ask-error'), problem.message);
    }
  };
  dialog.showModal();
}

/** sameWords compares as one reads: a browser shows any blanks as one. */
function sameWords(a, b) {
  const read = (text) => text.normalize().replace(/\s+/g, ' ').trim();
  return read(a) === read(b);
}

/** askDelete wants a store's name typed before it goes. */
export function askDelete(store, { send, then }) {
  const dialog = $('confirm');
  const typed = $('confirm-name');
  setText($('confirm-expected'), store.name);
  setText($('confirm-error'), '');
  typed.value = '';
  $('confirm-yes').disabled = true;
  typed.oninput = () => { $('confirm-yes').disabled = !sameWords(typed.value, store.name); };
  $('confirm-no').onclick = () => dialog.close();
  $('confirm-form').onsubmit = async (event) => {
    event.preventDefault();
    if (!sameWords(typed.value, store.name)) return;
    try {
      await busy($('confirm-yes'), send);
      announce(`${store.name} is being deleted`);
      dialog.close();
      then();
    } catch (problem) {
      setText($('confirm-error'), problem.message);
    }
  };
  dialog.showModal();
}
