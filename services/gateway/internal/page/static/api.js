// Problem is an error the gateway answered with, or "offline" when it didn't answer at all.
export class Problem extends Error {
  constructor(body, etag) {
    super(body.detail || 'Something went wrong.');
    this.code = body.code || 'unknown';
    this.field = body.field || '';
    this.faults = body.errors || [];
    this.retryable = Boolean(body.retryable);
    /** The store as it is, where it isn't the one that If-Match names. */
    this.current = body.current;
    this.etag = etag;
  }
}

const offline = () => new Problem({ code: 'offline', detail: 'The gateway does not answer.', retryable: true });

/** call is the answer's body, tagged the same with its ETag. */
const call = async (...request) => (await tagged(...request)).body;

async function tagged(method, path, { body, headers = {} } = {}) {
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
  // A proxy that packs answers marks their tags as weak, and those match nothing.
  const etag = response.headers.get('ETag')?.replace(/^W\//, '');
  if (!response.ok && path !== '/readyz') throw new Problem(answer, etag);
  return { body: answer, etag };
}

const as = (key) => (key ? { 'X-Api-Key': key } : {});
const store = (id) => `/stores/${encodeURIComponent(id)}`;

export const engines = async () => (await call('GET', '/engines')).engines;
export const readiness = () => call('GET', '/readyz');
export const stores = (cursor) => call('GET', `/stores?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
export const read = (id) => call('GET', store(id));
/** readTagged is the store with its ETag, for a change that is to be held to it. */
export const readTagged = async (id) => {
  const { body, etag } = await tagged('GET', store(id));
  return { store: body, etag };
};
/** engineOf is a store's engine in the store's own version, which may be another than the one on offer. */
export const engineOf = (id) => call('GET', `${store(id)}/engine`);
export const history = (id, after) => call('GET', `${store(id)}/events?limit=200&after=${after}`);
export const links = async (id) => (await call('GET', `${store(id)}/links`)).links;
export const credentials = async (id, key) =>
  (await call('GET', `${store(id)}/credentials`, { headers: as(key) })).credentials;
export const create = (wish, key) => call('POST', '/stores', { body: wish, headers: { 'Idempotency-Key': key } });
export const remove = (id) => call('DELETE', store(id));
export const change = (id, wish, etag) => call('PATCH', store(id), { body: wish, headers: { 'If-Match': etag } });
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
