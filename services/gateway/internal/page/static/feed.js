const FIRST_WAIT = 400;
const LONGEST_WAIT = 8000;
const STABLE_AFTER = 5000;

/**
 * Feed keeps one WebSocket to /feed. After a cut it connects again and continues behind the last message it was given,
 * so nothing is missed and nothing comes twice. What happened is told through the handlers: live, lost, event, left, platform,
 * reset. Before each connection they are asked for a ticket.
 */
export class Feed {
  constructor(handlers) {
    this.handlers = handlers;
    this.cursor = '';
    this.wait = FIRST_WAIT;
    this.timer = 0;
    addEventListener('online', () => this.now());
    addEventListener('offline', () => this.cut());
  }

  /** start connects, or connects anew, behind cursor when there is one. */
  start(cursor) {
    const before = this.socket;
    this.socket = null;
    if (before) before.close();
    clearTimeout(this.timer);
    this.cursor = cursor || this.cursor;
    this.connect();
  }

  now() {
    if (this.socket) return;
    clearTimeout(this.timer);
    this.wait = FIRST_WAIT;
    this.connect();
  }

  cut() {
    if (this.socket) this.socket.close();
  }

  /** stop ends it until the next start. */
  stop() {
    const before = this.socket;
    this.socket = null;
    this.turn = undefined;
    this.cursor = '';
    if (before) before.close();
    clearTimeout(this.timer);
  }

  async connect() {
    const url = new URL('/feed', location.href);
    url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    if (this.cursor) url.searchParams.set('since', this.cursor);
    const turn = {};
    this.turn = turn;
    try {
      const ticket = await this.handlers.ticket();
      if (ticket) url.searchParams.set('ticket', ticket);
    } catch {
      if (this.turn === turn) this.again();
      return;
    }
    // Another has begun meanwhile, or it was stopped.
    if (this.turn !== turn) return;
    const socket = new WebSocket(url);
    this.socket = socket;
    let opened = 0;
    socket.addEventListener('open', () => { opened = Date.now(); });
    socket.addEventListener('message', (message) => this.take(JSON.parse(message.data)));
    socket.addEventListener('close', () => {
      if (this.socket !== socket) return;
      this.socket = null;
      // Only a connection that held counts as well again: one that is cut at once would be tried without a pause.
      if (opened && Date.now() - opened > STABLE_AFTER) this.wait = FIRST_WAIT;
      this.again();
    });
  }

  again() {
    this.handlers.lost();
    this.timer = setTimeout(() => this.connect(), this.wait * (0.5 + Math.random()));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  take(message) {
    if (message.cursor) this.cursor = message.cursor;
    switch (message.type) {
      case 'hello':
        this.handlers.live();
        break;
      case 'event':
        this.handlers.event(message.event, message.store);
        break;
      case 'left':
        this.handlers.left(message.left);
        break;
      case 'platform':
        this.handlers.platform(message.platform);
        break;
      case 'reset':
        this.cursor = '';
        this.handlers.reset(message.reason);
        break;
    }
  }
}
