const PAUSE = 1500;
const BEHIND = 3;

/**
 * Renewal has something asked for anew when what happened may have changed it: at once, one question at a time, and however much happens
 * not more often than in a while. Nobody is asked while nothing happens.
 */
export class Renewal {
  constructor(ask) {
    this.ask = ask;
    this.going = false;
    this.wanted = false;
    this.again = 0;
  }

  /** happened wants what a list tells, which may be behind what the feed has told of: it is asked for some more times. */
  happened() {
    this.again = BEHIND;
    return this.want();
  }

  async want() {
    this.wanted = true;
    if (this.going) return;
    this.going = true;
    try {
      while (this.wanted || this.again > 0) {
        if (!this.wanted) this.again--;
        this.wanted = false;
        await this.ask();
        await new Promise((later) => { setTimeout(later, PAUSE); });
      }
    } finally {
      // Who asks in vain may ask again.
      this.going = false;
    }
  }

  stop() {
    this.wanted = false;
    this.again = 0;
  }
}
