import { dateAndClock } from './dom.js';

// What people read. The steps are the platform's; an engine may have its own phrases for them.
export const PROVISION_STEPS = ['namespace', 'isolation', 'credentials', 'release', 'workloads', 'http'];
export const TEARDOWN_STEPS = ['namespace', 'claims'];

const SHORT = {
  namespace: 'Namespace', isolation: 'Isolation', credentials: 'Passwords', release: 'Release', workloads: 'Start-up',
  http: 'First answer', claims: 'Quota',
};

const PHRASES = {
  namespace: 'Making a namespace of its own', isolation: 'Closing it off from the others', credentials: 'Generating passwords',
  release: 'Deploying the engine', workloads: 'Waiting for its parts to start', http: 'Asking the store itself for an answer',
};

const DONE = {
  namespace: 'Namespace made', isolation: 'Closed off from other stores', credentials: 'Passwords generated',
  release: 'Engine deployed', workloads: 'All parts are running', http: 'The store answered',
};

const GONE = { namespace: 'Everything in it removed', claims: 'Its place in the quota given back' };

/** Statuses of a store that was made: what is being done about it stands beside them. */
const STANDING = new Set(['Ready', 'Degraded', 'Suspended']);

/** Steps that mean something else where a store is being closed, or is closed. */
const CLOSING = { release: 'Stopping it', workloads: 'Waiting for its parts to stop', http: 'Asking whether its page says so' };

const DOING = {
  create: 'being made', update: 'updating', suspend: 'suspending', resume: 'resuming', mend: 'mending', refresh: 'being brought up to date',
  delete: 'being removed',
};

const WANTED = {
  create: 'Making the store', update: 'The change of plan and options', suspend: 'Suspending the store', resume: 'Resuming the store',
  delete: 'The deletion',
};

/** doing is the verb whose steps are done: a retry's is that of what it tries again. */
const doing = (store) => store.lastOperation.of || store.lastOperation.verb;

/** doingWords says what is being done about a store, beside its status; empty where the status says it all. */
export function doingWords(store) {
  if (!store.operation || !STANDING.has(store.status)) return '';
  const step = currentStep(store);
  return `${DOING[doing(store)] || doing(store)}${step ? `: ${stepTitle(step, false).toLowerCase()}…` : '…'}`;
}

/** failureWords says what failed of a store and why. */
export function failureWords(failure) {
  const what = WANTED[failure.verb] || failure.verb;
  const where = failure.step ? ` at “${stepTitle(failure.step, false)}”` : '';
  return `${what} failed${where}. ${failure.message || ''}`.trim();
}

/** phraseOf is the step at hand, as the engine or the platform says it. */
function phraseOf(store, engine) {
  const step = currentStep(store);
  if (doing(store) === 'suspend' || store.status === 'Suspended' && doing(store) !== 'resume') return CLOSING[step] || PHRASES[step] || 'Almost there';
  return (engine && engine.progress && engine.progress[step]) || PHRASES[step] || 'Almost there';
}

export const isTeardown = (store) => store.operation === 'delete' || store.status === 'Deleting' || store.status === 'Deleted';
export const stepsOf = (store) => (isTeardown(store) ? TEARDOWN_STEPS : PROVISION_STEPS);
export const stepTitle = (step, teardown) => (teardown && step === 'namespace' ? 'Removal' : SHORT[step] || step);
export const currentStep = (store) => stepsOf(store).find((step) => !store.steps.includes(step));

/** progressOf says in one line what is happening to a store. */
export function progressOf(store, engine, platform) {
  if (store.operation && STANDING.has(store.status)) {
    const words = store.lastOperation.message || store.progress || phraseOf(store, engine);
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
export function eventWords(event, deleting) {
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
      return { title: (deleting ? GONE[facts.step] : DONE[facts.step]) || `${facts.step} done`, more: facts.via ? `via ${facts.via}` : '', kind: 'ok' };
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
