import { el, setText } from './dom.js';
import { Renewal } from './renewal.js';

/**
 * Fold is a part of a store's page that is asked for when somebody opens it, and anew while it is open when something has happened. What it
 * showed stays while the next answer can't be had. A gateway that has no such thing has none to open.
 */
export class Fold {
  constructor({ title, ask, show }) {
    this.ask = ask;
    this.show = show;
    this.place = el('div', { class: 'fold-place' });
    this.problem = el('p', { class: 'quiet', role: 'status' });
    this.node = el('details', { class: 'more fold' }, el('summary', { text: title }), this.place, this.problem);
    this.renewal = new Renewal(() => this.renew());
    this.node.addEventListener('toggle', () => (this.node.open ? this.happened() : this.renewal.stop()));
  }

  happened() {
    if (this.node.open) this.renewal.want();
  }

  /** close asks for nothing any more: another store is opened, and this part is thrown away with its own. */
  close() {
    this.node.open = false;
    this.renewal.stop();
  }

  async renew() {
    if (!this.place.childElementCount) setText(this.problem, 'Looking…');
    try {
      const answer = await this.ask();
      if (!this.node.open) return;
      this.show(answer, this.place);
      setText(this.problem, missingWords(answer.missing));
    } catch (problem) {
      this.node.hidden = problem.code === 'not_found';
      setText(this.problem, `This can’t be told right now. ${problem.message}`);
    }
  }
}

const PARTS = { cluster: 'the cluster', history: 'its history' };

/** missingWords says of an answer that is only a part of one what isn't in it. */
function missingWords(missing) {
  if (!missing || !missing.length) return '';
  return `Not all of it can be told right now: nothing is known of ${missing.map((part) => PARTS[part] || part).join(' and ')}.`;
}
