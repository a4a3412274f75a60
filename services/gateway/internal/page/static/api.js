// Problem is an error the gateway answered with, or "offline" when it didn't answer at all.
export class Problem extends Error {
  constructor(body) {
    super(body.detail || 'Something went wrong.');
    this.code = body.code || 'unknown';
    this.field = body.field || '';
    this.faults = body.errors || [];
    this.retryable = Boolean(body.retryable);
  }
}

const offline = () => new Problem({ code: 'offline', detail: 'The gateway does not answer.', retryable: true });

async function call(method, path, { body, headers = {} } = {}) {
  const init = { method, headers: { ...headers }, cache: 'no-store' };
  if (body !== undefined) {
    init.headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, init);
  } catch {
    throw offline();
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok && path !== '/readyz') throw new Problem(answer);
  return answer;
}

const as = (key) => (key ? { 'X-Api-Key': key } : {});
const store = (id) => `/stores/${encodeURIComponent(id)}`;

export const engines = async () => (await call('GET', '/engines')).engines;
export const readiness = () => call('GET', '/readyz');
export const stores = (cursor) => call('GET', `/stores?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
export const read = (id) => call('GET', store(id));
export const history = (id, after) => call('GET', `${store(id)}/events?limit=200&after=${after}`);
export const links = async (id) => (await call('GET', `${store(id)}/links`)).links;
export const credentials = async (id, key) =>
  (await call('GET', `${store(id)}/credentials`, { headers: as(key) })).credentials;
export const create = (wish, key) => call('POST', '/stores', { body: wish, headers: { 'Idempotency-Key': key } });
export const remove = (id) => call('DELETE', store(id));
export const change = (id, wish) => call('PATCH', store(id), { body: wish });
/** command asks for one that has no body: retry, suspend, resume, cancel. */
export const command = (id, verb) => call('POST', `${store(id)}/${verb}`);
export const redrive = (letter) => call('POST', `/dead-letters/${letter}/redrive`);
export const log = (key) => call('GET', '/log', { headers: as(key) });
export const raise = (key) => call('POST', '/log/raise', { headers: as(key) });

/** newKey makes an Idempotency-Key; randomUUID would need a secure origin. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
