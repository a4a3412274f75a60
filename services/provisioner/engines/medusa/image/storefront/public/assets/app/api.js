// Requests to the shop's own server, and the two ways in which they fail.

// A change that is given up may still be made, so it gets longer than a read.
const readTimeoutMs = 20_000;
const changeTimeoutMs = 60_000;
const retryAfterMs = 600;

// Unreachable: no answer, or one of a server that can't work just now. Trying again may help, and
// whether a change was made is not known. status is the answer's, 0 without one.
export class Unreachable extends Error {
  constructor(status, cause) {
    super(status ? `The shop answered ${status}.` : "The shop doesn't answer.", { cause });
    this.status = status;
  }
}

// Refused: the shop answered and said no. status, type and code are the server's.
export class Refused extends Error {
  constructor(status, body) {
    super(body?.message ?? `The shop answered ${status}.`);
    this.status = status;
    this.type = body?.type;
    this.code = body?.code;
  }
}

// request fetches JSON. Reads are tried once more, so that a pod that is just being replaced goes
// unnoticed; changes are not: whoever makes them knows whether they may be made twice.
export async function request(path, { method = "GET", body, headers, signal } = {}) {
  try {
    return await once(path, { method, body, headers, signal });
  } catch (error) {
    if (method !== "GET" || !(error instanceof Unreachable)) throw error;
    await new Promise((resolve) => setTimeout(resolve, retryAfterMs));
    signal?.throwIfAborted();
    return once(path, { method, headers, signal });
  }
}

async function once(path, { method, body, headers, signal }) {
  const patience = new AbortController();
  const stop = () => patience.abort();
  const timer = setTimeout(stop, method === "GET" ? readTimeoutMs : changeTimeoutMs);
  signal?.addEventListener("abort", stop);
  try {
    const response = await fetch(path, {
      method,
      headers: body ? { "content-type": "application/json", ...headers } : headers,
      body: body && JSON.stringify(body),
      signal: patience.signal,
      cache: "no-store",
      redirect: "error",
    });
    return await read(response);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Refused || error instanceof Unreachable) throw error;
    throw new Unreachable(0, error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

async function read(response) {
  if (response.status >= 500 || response.status === 429) throw new Unreachable(response.status);
  // What isn't JSON came from something in between, not from the shop.
  const content = await response.json();
  if (!response.ok) throw new Refused(response.status, content);
  return content;
}
