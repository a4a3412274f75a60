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

export const isTeardown = (store) => store.operation === 'delete' || store.status === 'Deleting' || store.status === 'Deleted';
export const stepsOf = (store) => (isTeardown(store) ? TEARDOWN_STEPS : PROVISION_STEPS);
export const stepTitle = (step, teardown) => (teardown && step === 'namespace' ? 'Removal' : SHORT[step] || step);
export const currentStep = (store) => stepsOf(store).find((step) => !store.steps.includes(step));

/** progressOf says in one line what is happening to a store. */
export function progressOf(store, engine, platform) {
  switch (store.status) {
    case 'Queued':
      if (store.reason === 'ClusterNotReady' && platform && !platform.ready) return waiting(platform);
      return store.message && !(platform && platform.ready) ? store.message : 'Next in line';
    case 'Provisioning': {
      if (store.notBefore) return store.message || 'Will be tried again';
      if (store.progress) return store.progress;
      const step = currentStep(store);
      return (engine && engine.progress && engine.progress[step]) || PHRASES[step] || 'Almost there';
    }
    case 'Ready':
      return store.url ? store.url.replace(/^https?:\/\//, '').replace(/\/$/, '') : 'Ready';
    case 'Degraded':
      return store.message || 'It doesn’t work as it should';
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

const COMMANDS = { create: 'Store asked for', retry: 'Asked to try again', mend: 'Mending begins', delete: 'Deletion asked for' };

/** eventWords says what an event means: a title, perhaps a second line, and its kind for the colour. */
export function eventWords(event, deleting) {
  const facts = event.facts || {};
  switch (event.type) {
    case 'create': case 'retry': case 'mend': case 'delete':
      return { title: COMMANDS[event.type], more: facts.message, detail: facts.detail, kind: 'command' };
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
    case 'degraded':
      return { title: 'Degraded', more: facts.message, detail: facts.detail, kind: 'bad' };
    case 'recovered':
      return { title: 'Ready again: the store works by itself', kind: 'ok' };
    case 'ready':
      return { title: 'Ready: the store answered a real request', more: facts.via ? `asked via ${facts.via}` : '', kind: 'ok' };
    case 'failed':
      return { title: 'Failed', more: facts.message, detail: facts.detail, kind: 'bad' };
    case 'superseded':
      return { title: 'Overtaken by a newer request' };
    case 'deleted':
      return { title: 'Deleted: nothing of it is left in the cluster', kind: 'ok' };
    default:
      return { title: event.type.replaceAll('_', ' '), more: facts.message };
  }
}
