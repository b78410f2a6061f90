/**
 * How key sets are loaded: from a file, from a URL, or from where an OpenID Connect issuer says that they are. The
 * answer of discovery is kept for an hour and asked for anew when the keys are not where it says.
 */
import type { Clock } from "../core/ports.ts";
import { type Fetch, fetchText, isAllowedTarget } from "./fetch_text.ts";
import { memberOf, parseJsonObject } from "./json_object.ts";
import { type KeySetResult, MAX_KEY_SET_BYTES, parseKeySet } from "./key_set.ts";

/** How long all of one answer may take. */
export const FETCH_TIMEOUT_MS = 5000;
/** The largest answer of discovery, in bytes. */
export const MAX_DISCOVERY_BYTES = 64 * 1024;
/** How long an answer of discovery is kept. */
export const DISCOVERY_MAX_AGE_MS = 3_600_000;

const JSON_TYPE = "application/json";
const KEY_SET_TYPES = [JSON_TYPE, "application/jwk-set+json"];

/** Loads one key set, each time anew. */
export type KeyLoader = () => Promise<KeySetResult>;

/** Keys in a file. */
export function fileLoader(path: string, readTextFile: (path: string) => Promise<string>): KeyLoader {
  return async () => parseKeySet(await readTextFile(path));
}

/** Keys at a URL. */
export function urlLoader(url: string, fetch: Fetch): KeyLoader {
  return () => fetchKeySet(url, fetch);
}

async function fetchKeySet(url: string, fetch: Fetch): Promise<KeySetResult> {
  const limits = { timeoutMs: FETCH_TIMEOUT_MS, maxBytes: MAX_KEY_SET_BYTES, contentTypes: KEY_SET_TYPES };
  const answer = await fetchText(url, { fetch, ...limits });
  return answer.ok ? parseKeySet(answer.text) : answer;
}

/** Keys of an OpenID Connect issuer, found by discovery. */
export function discoveryLoader(issuer: string, { fetch, clock }: { fetch: Fetch; clock: Clock }): KeyLoader {
  let known: { readonly keysUrl: string; readonly untilMs: number } | null = null;
  return async () => {
    if (known === null || clock.now() >= known.untilMs) {
      const found = await discover(issuer, fetch);
      if (!found.ok) return found;
      known = { keysUrl: found.keysUrl, untilMs: clock.now() + DISCOVERY_MAX_AGE_MS };
    }
    const result = await fetchKeySet(known.keysUrl, fetch);
    if (!result.ok) known = null;
    return result;
  };
}

type Discovery =
  | { readonly ok: true; readonly keysUrl: string }
  | { readonly ok: false; readonly reason: string };

/** OpenID Connect Discovery 1.0, section 4. */
async function discover(issuer: string, fetch: Fetch): Promise<Discovery> {
  const limits = { timeoutMs: FETCH_TIMEOUT_MS, maxBytes: MAX_DISCOVERY_BYTES, contentTypes: [JSON_TYPE] };
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const answer = await fetchText(url, { fetch, ...limits });
  if (!answer.ok) return { ok: false, reason: `discovery: ${answer.reason}` };
  const document = parseJsonObject(answer.text);
  if (document === null) return { ok: false, reason: "discovery: the answer is no JSON object" };
  if (memberOf(document, "issuer") !== issuer) {
    return { ok: false, reason: "discovery: the answer is that of another issuer" };
  }
  const keysUrl = memberOf(document, "jwks_uri");
  if (typeof keysUrl !== "string" || !isAllowedTarget(issuer, keysUrl)) {
    return { ok: false, reason: "discovery: jwks_uri is missing or leads where it must not" };
  }
  return { ok: true, keysUrl };
}
