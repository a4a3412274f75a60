import { Account } from './account.js';
import * as api from './api.js';
import { ask, askDelete } from './ask.js';
import { CreateForm } from './create.js';
import { Detail } from './detail.js';
import { $, announce, clock, setText } from './dom.js';
import { Feed } from './feed.js';
import { Filters } from './filters.js';
import { Letters } from './letters.js';
import { List } from './list.js';
import { Model } from './model.js';
import { Renewal } from './renewal.js';
import { operatorKey } from './secrets.js';
import { Sweeps } from './sweeps.js';

const STALE_AFTER = 1500;
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 15000;

const model = new Model();
const filters = new Filters({ render: () => list.render(true), find });
const list = new List(model, filters, (store) => account.ownerOf(store));
const detail = new Detail(model, { askDelete: askAway, askSuspend, changed: take });
const letters = new Letters();
const sweeps = new Sweeps();
const form = new CreateForm((store) => {
  take(store);
  location.hash = `#store/${store.id}`;
});
const looking = new Renewal(() => refreshSelected());
let staleTimer = 0;
let listTimer = 0;
let listWait = FIRST_WAIT;
/** Counts whose stores are shown: an answer to who was there before, or acted for another tenant, isn't for who is there now. */
let visit = 0;

const account = new Account({
  entered: resync,
  left() {
    feed.stop();
    shut();
    visit++;
    clearTimeout(lineTimer);
    model.stores.clear();
    model.loaded = false;
    location.hash = '';
    $('operators-link').hidden = true;
    render();
  },
});
api.whenSignedOut(() => account.lost());

const feed = new Feed({
  ticket: api.ticket,
  live() {
    clearTimeout(staleTimer);
    staleTimer = 0;
    $('stale').hidden = true;
    connection('live', 'Live');
    refreshCatalog();
    refreshPlatform();
    refreshLevel();
    if (!model.loaded) resync();
    if (model.selected) {
      detail.reconnected();
      refreshSelected();
    }
    if (!$('operators').hidden) {
      letters.renewal.want();
      sweeps.renewal.want();
    }
  },
  lost() {
    connection('lost', 'Reconnecting');
    const since = new Date();
    // A cut of a second is nobody's business.
    staleTimer = staleTimer || setTimeout(() => stale(since), STALE_AFTER);
  },
  event(event, store) {
    const before = model.get(event.store);
    // The feed doesn't say where in line a store is. Until it is asked anew the place is the one known, unless it has had its turn.
    if (store && store.line === undefined && before?.line && before.generation === store.generation) {
      store.line = event.type === 'attempt_started' ? { ...before.line, place: 0 } : before.line;
    }
    if (model.selected === event.store && (before?.line || store?.operation)) looking.want();
    if (store && model.put(store)) tell(store, before);
    if (before?.status !== store?.status) filters.counting.happened();
    detail.addEvent(event);
    if (!$('operators').hidden) letters.happened(event);
    render();
  },
  left(id) {
    const store = model.get(id);
    model.drop(id);
    if (store) announce(`${store.name} is no longer yours`);
    if (model.selected === id) location.hash = '';
    else render();
  },
  platform: showPlatform,
  reset(reason) {
    // Another log: its versions can't be compared with those known.
    if (reason === 'epoch') model.stores.clear();
    resync();
  },
});

function connection(state, text) {
  $('connection').dataset.state = state;
  setText($('connection-text'), text);
}

function stale(since) {
  setText($('stale-title'), `Not up to date since ${clock(since)}.`);
  setText($('stale-text'), 'What you see is what was known then. Connecting again by itself; your stores go on running.');
  $('stale').hidden = false;
}

/** Whoever waits in line moves up by what happens to others, of which the feed doesn't tell. */
const LINE_WAIT = 15000;
let lineTimer = 0;

function watchLine() {
  clearTimeout(lineTimer);
  if (!model.listed().some((store) => store.line)) return;
  lineTimer = setTimeout(() => {
    if (document.visibilityState !== 'visible') watchLine();
    else refreshPlaces();
  }, LINE_WAIT);
}

async function refreshPlaces() {
  const mine = visit;
  if (model.get(model.selected)?.line) looking.want();
  const page = await api.stores(filters.wish()).catch(() => null);
  if (mine !== visit) return;
  if (page) page.stores.forEach((store) => model.put(store));
  render();
  watchLine();
}

/** shut is for when no store is open any more: nothing is asked of one. */
function shut() {
  looking.stop();
  detail.close();
}

/**
 * tell says aloud what has come to its end. What is done on the way there the store's own page says, and nobody could listen to it of all. What
 * ends at once is counted.
 */
const ALOUD_AFTER = 1000;
let ended = [];

function tell(store, before) {
  if (!before || store.operation || (!before.operation && before.status === store.status)) return;
  ended.push(`${store.name} is ${store.status}`);
  if (ended.length > 1) return;
  setTimeout(() => {
    announce(ended.length > 1 ? `${ended.length} stores have changed` : ended[0]);
    ended = [];
  }, ALOUD_AFTER);
}

function showPlatform(platform) {
  if (!platform) return;
  model.platform = platform;
  $('platform').hidden = platform.ready;
  const bar = $('platform-progress');
  const counted = platform.total > 0;
  setText($('platform-text'), platform.message || platform.part || '');
  setText($('platform-count'), counted ? `${platform.done || 0} of ${platform.total}` : '');
  bar.parentElement.hidden = !counted;
  if (counted) {
    bar.max = platform.total;
    bar.value = platform.done || 0;
  }
  render();
}

/** take shows a store that an answer brought, without waiting for the feed to tell the same. Behind some dead letters there is none. */
function take(store) {
  if (store.id) model.put(store);
  render();
}

function render() {
  list.render();
  if (model.selected) detail.render();
  $('list-more').hidden = !model.next;
  document.title = model.selected && model.get(model.selected) ? `${model.get(model.selected).name} · Store Platform` : 'Stores · Store Platform';
}

async function loadStores() {
  if (account.nowhere()) {
    // There is no list to ask for, and nobody to hear of it.
    model.loaded = true;
    connection('none', '');
    render();
    return '';
  }
  const mine = visit;
  try {
    const page = await listed();
    if (mine !== visit) return undefined;
    model.forget(new Set(page.stores.map((store) => store.id)));
    page.stores.forEach((store) => model.put(store));
    model.next = page.next || '';
    model.loaded = true;
    model.listProblem = '';
    listWait = FIRST_WAIT;
    filters.counting.want();
    return page.feed;
  } catch (problem) {
    if (mine !== visit) return undefined;
    model.listProblem = problem.message;
    return '';
  } finally {
    render();
    watchLine();
  }
}

/** listed is the list as it is wanted when it comes: what one that was wanted before lacks may be just what somebody looks at now. */
async function listed() {
  for (;;) {
    const wish = filters.wish();
    const page = await api.stores(wish);
    if (String(wish) === String(filters.wish())) return page;
  }
}

/** resync lists anew and continues the feed exactly where the list was read; what comes twice is dropped by version. */
async function resync() {
  const cursor = await loadStores();
  if (cursor) feed.start(cursor);
  else if (cursor !== undefined && !account.nowhere()) retryList();
}

/** retryList is for when the feed is there and the list isn't, so that no reconnect would bring it. */
function retryList() {
  clearTimeout(listTimer);
  listTimer = setTimeout(() => { if (feed.socket) resync(); }, listWait);
  listWait = Math.min(listWait * 2, LONGEST_WAIT);
}

const refreshPlatform = () => api.readiness().then((ready) => showPlatform(ready.cluster), () => {});

/** refreshLevel shows an operator that an upgrade isn't over; who is none isn't told, and misses nothing. */
async function refreshLevel() {
  const level = account.operates() || operatorKey() ? await api.log(operatorKey()).catch(() => null) : null;
  if (level) showLevel(level);
  else $('level').hidden = true;
  // Who may ask this may ask what the other page shows.
  if (level) $('operators-link').hidden = false;
}

function showLevel({ writeLevel, newest }) {
  $('level').hidden = writeLevel >= newest;
  setText($('level-text'), `the log is written as the release before reads it (level ${writeLevel} of ${newest}). `
    + 'Stores can’t be changed, suspended or called off until no process of that release runs.');
}

function askRaise() {
  ask({
    title: 'End the upgrade?', yes: 'No older process runs: end it',
    text: 'From then on the log is written in a form that the release before doesn’t read, so there is no way back to it. One of its processes that still runs stops working.',
    send: async () => {
      showLevel(await api.raise(operatorKey()));
      announce('The upgrade is over.');
    },
    then: () => $('main').focus(),
  });
}

function askSuspend(store) {
  ask({
    title: `Suspend ${store.name}?`, yes: 'Suspend it',
    text: 'All that it runs is stopped, and its address says that it is closed. Its data stays, it counts for the quota, and its lifetime runs on.',
    send: async () => take(await api.command(store.id, 'suspend')),
    then: () => detail.focus(),
  });
}

function askAway(store) {
  askDelete(store, { send: async () => take(await api.remove(store.id)), then: () => detail.focus() });
}

/** find brings what matches a wish and isn't here yet. What is here shows at once, and stays where no more can be had. */
function find() {
  return add('');
}

const loadMore = () => add(model.next);

async function add(cursor) {
  const wish = filters.wish();
  const mine = visit;
  try {
    const page = await api.stores(wish, cursor);
    if (mine !== visit) return;
    page.stores.forEach((store) => model.put(store));
    if (String(wish) === String(filters.wish())) model.next = page.next || '';
    model.listProblem = '';
  } catch (problem) {
    if (mine !== visit) return;
    model.listProblem = problem.message;
    announce(problem.message);
  }
  render();
}

async function refreshCatalog() {
  try {
    model.engines = await api.engines();
    form.offer(model.engines);
    filters.offer(model.engines);
    render();
  } catch {
    // The form says what it knew; the next connection asks again.
  }
}

async function refreshSelected() {
  const id = model.selected;
  if (!id) return;
  try {
    take(await api.read(id));
  } catch (problem) {
    if (problem.code !== 'not_found' || model.selected !== id) return;
    announce('There is no such store.');
    location.hash = '';
  } finally {
    watchLine();
  }
}

function route() {
  const [, kind, id] = /^#(new|operators|store)(?:\/([a-z0-9]+))?$/.exec(location.hash) || [];
  model.selected = kind === 'store' ? id || '' : '';
  const caring = kind === 'operators';
  document.body.dataset.view = kind === 'new' || caring ? kind : model.selected ? 'store' : 'list';
  $('welcome').hidden = Boolean(kind);
  $('create').hidden = kind !== 'new';
  $('detail').hidden = !model.selected;
  if ($('operators').hidden === caring) letters.open(caring);
  $('operators').hidden = !caring;
  if (caring) sweeps.renewal.want();
  current($('stores-link'), !caring);
  current($('operators-link'), caring);
  if (model.selected) {
    detail.open(model.selected);
    detail.focus();
    refreshSelected();
  } else {
    shut();
  }
  render();
  if (kind === 'new') $('create-name').focus();
  if (caring) $('operators-title').focus({ preventScroll: true });
}

/** uncover has what gets the focus be scrolled to above the notes, however much they say, and what has it when they say more. */
function uncover() {
  const notes = $('notes');
  document.documentElement.style.setProperty('--notes', `${notes.offsetHeight}px`);
  const held = document.activeElement;
  const { top, bottom } = held.getBoundingClientRect();
  const edge = notes.getBoundingClientRect().top;
  if (!notes.contains(held) && bottom > edge && bottom - top < edge) held.scrollIntoView({ block: 'nearest' });
}

function current(link, yes) {
  if (yes) link.setAttribute('aria-current', 'page');
  else link.removeAttribute('aria-current');
}

async function start() {
  addEventListener('hashchange', route);
  addEventListener('unlocked', refreshLevel);
  $('list-more').addEventListener('click', loadMore);
  $('operators-parts').replaceChildren(letters.node, sweeps.node);
  $('level-raise').addEventListener('click', askRaise);
  new ResizeObserver(uncover).observe($('notes'));
  route();
  refreshCatalog();
  if (!(await account.begin())) return;
  refreshPlatform();
  refreshLevel();
  // The list says where it was read, so the feed continues exactly there.
  const cursor = await loadStores();
  if (cursor !== undefined && !account.nowhere()) feed.start(cursor);
}

start();
