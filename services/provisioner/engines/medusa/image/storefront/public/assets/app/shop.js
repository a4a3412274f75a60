// What this shop is (title, region, key), asked once, and its Store API.
import { Refused, request, Unreachable } from "./api.js";

// NotOpen: the shop runs and says itself that it isn't set up yet.
export class NotOpen extends Error {}

let known;

// shop gives the configuration. A failed answer isn't kept, so the next page asks again.
export function shop() {
  known ??= ask().catch((error) => {
    known = undefined;
    throw error;
  });
  return known;
}

async function ask() {
  let config;
  try {
    config = await request("/store-config");
  } catch (error) {
    if (error instanceof Unreachable && error.status === 503) throw new NotOpen("The shop is just opening.");
    throw error;
  }
  if (!config.ready) throw new NotOpen("The shop is just opening.");
  return config;
}

// store calls the Store API with the shop's key.
export async function store(path, options = {}) {
  const { publishableKey } = await shop();
  try {
    return await request(`/store${path}`, { ...options, headers: { "x-publishable-api-key": publishableKey } });
  } catch (error) {
    // A key that was revoked in the admin: ask for the new one next time.
    if (error instanceof Refused && error.status === 401) known = undefined;
    throw error;
  }
}
