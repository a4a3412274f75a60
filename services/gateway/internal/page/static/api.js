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

let tenant = '';
let signedOut = () => {};

/** actFor has all that is asked from now on be asked for a tenant; empty for none. */
export const actFor = (id) => { tenant = id; };
/** whenSignedOut is told once an answer says that nobody asks any more. */
export const whenSignedOut = (tell) => { signedOut = tell; };

/** call is the answer's body, tagged the same with its ETag. */
const call = async (...request) => (await tagged(...request)).body;

async function tagged(method, path, wish) {
  const response = await send(method, path, wish);
  const answer = await response.json().catch(() => ({}));
  // A proxy that packs answers marks their tags as weak, and those match nothing.
  const etag = response.headers.get('ETag')?.replace(/^W\//, '');
  if (!response.ok && path !== '/readyz') throw refused(response, answer, etag);
  return { body: answer, etag };
}

/** refused is the problem that an answer is. That nobody asks any more is told. */
function refused(response, answer, etag) {
  if (response.status === 401 && answer.code === 'unauthenticated') signedOut();
  return new Problem(answer, etag);
}

async function send(method, path, { body, headers = {}, signal } = {}) {
  const init = { method, headers: { ...headers }, cache: 'no-store', signal };
  if (tenant) init.headers['X-Tenant'] = tenant;
  if (body !== undefined) {
    init.headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  try {
    return await fetch(path, init);
  } catch {
    throw offline();
  }
}

/** lines are an answer's that comes line by line, each of JSON, until it ends or the signal says so. */
async function* lines(path, signal) {
  const response = await send('GET', path, { signal });
  if (!response.ok) throw refused(response, await response.json().catch(() => ({})));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let begun = '';
  for (;;) {
    const { value, done } = await reader.read().catch(() => { throw offline(); });
    if (done) return;
    const whole = (begun + value).split('\n');
    begun = whole.pop();
    for (const line of whole) if (line) yield JSON.parse(line);
  }
}

const as = (key) => (key ? { 'X-Api-Key': key } : {});
const store = (id) => `/stores/${encodeURIComponent(id)}`;

export const engines = async () => (await call('GET', '/engines')).engines;
export const readiness = () => call('GET', '/readyz');
/** stores are a page of those that match a wish; counts how many match it, by status. */
export const stores = (wish, cursor) => call('GET', `/stores?${new URLSearchParams([['limit', '100'], ...wish, ...(cursor ? [['cursor', cursor]] : [])])}`);
export const counts = (wish) => call('GET', `/stores/counts?${new URLSearchParams(wish)}`);
export const read = (id) => call('GET', store(id));
/** readTagged is the store with its ETag, for a change that is to be held to it. */
export const readTagged = async (id) => {
  const { body, etag } = await tagged('GET', store(id));
  return { store: body, etag };
};
/** engineOf is a store's engine in the store's own version, which may be another than the one on offer. */
export const engineOf = (id) => call('GET', `${store(id)}/engine`);
export const explain = (id) => call('GET', `${store(id)}/explain`);
export const monitoring = (id) => call('GET', `${store(id)}/monitoring`);
/** logs are the lines of a store's containers; what of the wish is empty isn't asked for. */
export const logs = (id, wish, signal) =>
  lines(`${store(id)}/logs?${new URLSearchParams(Object.entries(wish).filter(([, value]) => value !== ''))}`, signal);
export const history = (id, after) => call('GET', `${store(id)}/events?limit=200&after=${after}`);
export const links = async (id) => (await call('GET', `${store(id)}/links`)).links;
export const credentials = async (id, key) =>
  (await call('GET', `${store(id)}/credentials`, { headers: as(key) })).credentials;
export const create = (wish, key) => call('POST', '/stores', { body: wish, headers: { 'Idempotency-Key': key } });
export const remove = (id) => call('DELETE', store(id));
export const change = (id, wish, etag) => call('PATCH', store(id), { body: wish, headers: { 'If-Match': etag } });
/** command asks for one that has no body: retry, suspend, resume, cancel. */
export const command = (id, verb) => call('POST', `${store(id)}/${verb}`);
export const deadLetters = (after, key) => call('GET', `/dead-letters?limit=100&after=${after}`, { headers: as(key) });
export const redrive = (letter, key) => call('POST', `/dead-letters/${letter}/redrive`, { headers: as(key) });
export const discard = (letter, reason, key) => call('POST', `/dead-letters/${letter}/discard`, { body: { reason }, headers: as(key) });
export const sweeps = (key) => call('GET', '/sweeps', { headers: as(key) });
export const resumeSweeps = (key) => call('POST', '/sweeps/resume', { headers: as(key) });
export const log = (key) => call('GET', '/log', { headers: as(key) });
export const raise = (key) => call('POST', '/log/raise', { headers: as(key) });

/** ticket lets a WebSocket in, which can't say for which tenant it asks; empty where that needn't be said. */
export const ticket = async () => (tenant ? (await call('POST', '/feed/tickets')).ticket : '');

export const me = () => call('GET', '/auth/me');
export const signIn = (who) => call('POST', '/auth/login', { body: who });
export const signUp = (who) => call('POST', '/auth/signup', { body: who });
export const signOut = () => call('POST', '/auth/logout');
export const providers = async () => (await call('GET', '/auth/oidc')).providers;
export const askReset = (who) => call('POST', '/auth/reset', { body: who });
export const reset = (by) => call('POST', '/auth/reset/confirm', { body: by });
export const verify = (link) => call('POST', '/auth/verify', { body: { link } });
export const restored = () => call('GET', '/accounts/restored');
export const confirmRestored = () => call('POST', '/accounts/restored/confirm');
export const takeInvite = (invite) => call('POST', '/invites/take', { body: { invite } });

/** newKey makes an Idempotency-Key; randomUUID would need a secure origin. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
