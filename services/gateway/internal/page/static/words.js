import { dateAndClock } from './dom.js';

// What people read. The steps are the platform's; an engine may have its own phrases for them.
export const PROVISION_STEPS = ['namespace', 'isolation', 'credentials', 'release', 'workloads', 'http'];
export const TEARDOWN_STEPS = ['namespace', 'claims'];

const said = (name, doing, done) => ({ name, doing, done });

/** What a step is called, what is said while it is done, and what when it is. */
const MAKING = {
  namespace: said('Namespace', 'Making a namespace of its own', 'Namespace made'),
  isolation: said('Isolation', 'Closing it off from the others', 'Closed off from other stores'),
  credentials: said('Passwords', 'Generating passwords', 'Passwords generated'),
  release: said('Release', 'Deploying the engine', 'Engine deployed'),
  workloads: said('Start-up', 'Waiting for its parts to start', 'All parts are running'),
  http: said('First answer', 'Asking the store itself for an answer', 'The store answered'),
};

/** A store that was made is looked after, and nothing of it is made again; while it is suspended a sign is all that runs. */
const KEEPING = {
  namespace: said('Namespace', 'Looking after its namespace', 'Its namespace is as it should be'),
  isolation: said('Isolation', 'Looking whether it is closed off from the others', 'It is closed off from other stores'),
  credentials: said('Passwords', 'Looking for its passwords', 'Its passwords are kept'),
  release: MAKING.release,
  workloads: said('Parts', 'Waiting for its parts', 'Its parts are as they should be'),
  http: said('Answer', 'Asking its address for an answer', 'Its address answers as it should'),
};

const STEPS = {
  create: MAKING,
  update: KEEPING,
  mend: KEEPING,
  refresh: KEEPING,
  suspend: {
    ...KEEPING,
    release: said('Release', 'Stopping it', 'Its parts were told to stop'),
    workloads: said('Stop', 'Waiting for its parts to stop', 'Its parts have stopped'),
    http: said('Sign', 'Asking whether its page says so', 'Its page says so'),
  },
  resume: {
    ...KEEPING,
    release: said('Release', 'Starting it', 'Its parts were told to start'),
    workloads: MAKING.workloads,
    http: said('Answer', 'Asking the store itself for an answer', 'The store answered'),
  },
  delete: {
    namespace: said('Removal', 'Removing everything in it', 'Everything in it removed'),
    claims: said('Quota', 'Giving its place in the quota back', 'Its place in the quota given back'),
  },
};

/**
 * stepWords are a step's for the verb that it is one of. An events service of the release before tells no verb of an event: then they
 * claim nothing was made.
 */
const stepWords = (verb, name) => (STEPS[verb] || { ...STEPS.delete, ...KEEPING })[name] || said(name, '', `${name} done`);

/** Statuses of a store that was made: what is being done about it stands beside them. */
const STANDING = new Set(['Ready', 'Degraded', 'Suspended']);

const DOING = {
  create: 'being made', update: 'updating', suspend: 'suspending', resume: 'resuming', mend: 'mending', refresh: 'being brought up to date',
  delete: 'being removed',
};

const WANTED = {
  create: 'Making the store', update: 'The change of plan and options', suspend: 'Suspending the store', resume: 'Resuming the store',
  mend: 'Mending the store', refresh: 'Bringing the store up to date', retry: 'Trying it again', delete: 'The deletion',
};

/**
 * doing is the verb whose steps are done: a retry's is that of what it tries again. An events service of the release before says
 * of an operation only what is in flight, and knows no verb that isn't here.
 */
export function doing(store) {
  const last = store.lastOperation;
  if (last && last.verb) return last.of || last.verb;
  if (isTeardown(store)) return 'delete';
  return store.operation === 'mend' ? 'mend' : 'create';
}

/** doingWords says what is being done about a store, beside its status; empty where the status says it all. */
export function doingWords(store) {
  if (!store.operation || !STANDING.has(store.status)) return '';
  const step = currentStep(store);
  return `${DOING[doing(store)] || doing(store)}${step ? `: ${stepTitle(step, doing(store)).toLowerCase()}…` : '…'}`;
}

/** failureWords says what failed of a store and why. */
export function failureWords(failure) {
  const what = WANTED[failure.verb] || failure.verb;
  const where = failure.step ? ` at “${stepTitle(failure.step, failure.verb)}”` : '';
  return `${what} failed${where}. ${failure.message || ''}`.trim();
}

const WHOM = { merchant: 'For whoever has the store', operator: 'For whoever looks after the platform' };

/** forWhom says who is to do something; nothing where nobody has to. */
export const forWhom = (whom) => WHOM[whom] || '';

/** letterWords says what waits for a person. */
export function letterWords({ kind, verb, message }) {
  const what = WANTED[verb] || verb;
  switch (kind) {
    case 'failed':
      return `${what} failed. ${message}`;
    case 'stuck':
      return `${what} has had its attempts, and goes on trying. ${message}`;
    case 'set_aside':
      return `A message that lists and histories are made without, since it couldn’t be taken. ${message}`;
    default:
      return message;
  }
}

/** phraseOf is the step at hand, as the engine or the platform says it. An engine's phrases are about making a store. */
function phraseOf(store, engine) {
  const step = currentStep(store);
  const own = doing(store) === 'create' && engine && engine.progress && engine.progress[step];
  return own || stepWords(doing(store), step).doing || 'Almost there';
}

const isTeardown = (store) => store.operation === 'delete' || store.status === 'Deleting' || store.status === 'Deleted';
export const stepsOf = (store) => (isTeardown(store) ? TEARDOWN_STEPS : PROVISION_STEPS);
export const stepTitle = (step, verb) => stepWords(verb, step).name;
export const currentStep = (store) => stepsOf(store).find((step) => !store.steps.includes(step));

/** progressOf says in one line what is happening to a store. */
export function progressOf(store, engine, platform) {
  if (store.operation && STANDING.has(store.status)) {
    const words = store.lastOperation?.message || store.progress || phraseOf(store, engine);
    const title = DOING[doing(store)] || doing(store);
    return `${title[0].toUpperCase()}${title.slice(1)}: ${words}`;
  }
  switch (store.status) {
    case 'Queued':
      if (store.reason === 'ClusterNotReady' && platform && !platform.ready) return waiting(platform);
      return store.message && !(platform && platform.ready) ? store.message : 'Next in line';
    case 'Provisioning': {
      if (store.notBefore) return store.message || 'Will be tried again';
      return store.progress || phraseOf(store, engine);
    }
    case 'Ready':
      return store.url ? store.url.replace(/^https?:\/\//, '').replace(/\/$/, '') : 'Ready';
    case 'Degraded':
      return store.message || 'It doesn’t work as it should';
    case 'Suspended':
      return store.message || 'Closed: its address says so, and its data is kept';
    case 'Failed':
      return store.message || 'Failed';
    case 'Deleting':
      return store.message || 'Being removed';
    default:
      return 'Gone; its history stays';
  }
}

export const waiting = (platform) =>
  platform.message ? `Waiting for the cluster: ${platform.message}` : 'Waiting for the cluster';

const COMMANDS = {
  create: 'Store asked for', retry: 'Asked to try again', mend: 'Mending begins', delete: 'Deletion asked for',
  update: 'Another plan or other options asked for', suspend: 'Suspension asked for', resume: 'Resumption asked for',
  refresh: 'It is brought up to date',
};

/** eventWords says what an event means: a title, perhaps a second line, and its kind for the colour. */
export function eventWords(event) {
  const facts = event.facts || {};
  switch (event.type) {
    case 'create': case 'retry': case 'mend': case 'delete': case 'update': case 'suspend': case 'resume': case 'refresh':
      return { title: COMMANDS[event.type], more: facts.message, detail: facts.detail, kind: 'command' };
    case 'renamed':
      return { title: `Renamed to ${facts.name}`, more: `by ${event.actor}` };
    case 'lifetime_changed':
      return { title: facts.expiresAt ? `Its end is ${dateAndClock(facts.expiresAt)}` : 'It has no end any more', more: `by ${event.actor}` };
    case 'suspended':
      return { title: 'Suspended: its address says so, its data is kept', kind: 'ok' };
    case 'waited':
      return { title: 'Waiting', more: facts.message };
    case 'attempt_started':
      return { title: facts.attempt > 1 ? `Attempt ${facts.attempt} started` : 'Work started', more: facts.message };
    case 'attempt_yielded':
      return { title: 'Handed over to another worker' };
    case 'step_completed':
      return { title: stepWords(event.verb, facts.step).done, more: facts.via ? `via ${facts.via}` : '', kind: 'ok' };
    case 'progressed':
      return { title: facts.message };
    case 'retry_scheduled':
      return { title: 'Will be tried again', more: facts.message, detail: facts.detail };
    case 'credentials_viewed':
      return { title: 'Passwords were looked at', more: `by ${event.actor}` };
    case 'redriven':
      return { title: `Message ${facts.deadLetter} is read once more`, more: `by ${event.actor}` };
    case 'discarded':
      return { title: 'Put away by an operator', more: facts.message };
    // Of a suspended store these two tell of its sign, and not of its shop.
    case 'degraded':
      return { title: 'It isn’t as it should be', more: facts.message, detail: facts.detail, kind: 'bad' };
    case 'recovered':
      return { title: 'It is as it should be again, by itself', kind: 'ok' };
    case 'ready':
      return { title: 'Ready: the store answered a real request', more: facts.via ? `asked via ${facts.via}` : '', kind: 'ok' };
    case 'failed':
      if (facts.reason === 'Cancelled') return { title: 'Called off', more: `by ${event.actor}` };
      return { title: 'Failed', more: facts.message, detail: facts.detail, kind: 'bad' };
    case 'superseded':
      return { title: 'Overtaken by a newer request' };
    case 'deleted':
      return { title: 'Deleted: nothing of it is left in the cluster', kind: 'ok' };
    default:
      return { title: event.type.replaceAll('_', ' '), more: facts.message };
  }
}
