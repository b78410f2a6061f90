/**
 * What an HTTP request shows to be let in: exactly one token, in a header, in a subprotocol (browsers can set nothing
 * else) or, where that is allowed, in the query. Two of them are one too many: whoever stands in front could have
 * added the other.
 */
import { isTokenText } from "../core/login_names.ts";

/** Where tokens may stand. */
export interface CredentialOptions {
  /** Whether `?access_token=` is taken (RFC 6750, section 2.3). */
  readonly query: boolean;
}

/** The parts of a request that are looked at. */
export interface RequestHead {
  readonly url: string;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
}

/** Where a token stood. */
export type CredentialPlace = "header" | "subprotocol" | "query";

/** What a request shows. */
export type Credentials =
  | { readonly kind: "none" }
  | { readonly kind: "token"; readonly token: string; readonly via: CredentialPlace }
  | {
    /** Something that cannot be a login. */
    readonly kind: "invalid";
    readonly reason: CredentialProblem;
    /** Where the first of it stood. */
    readonly via: CredentialPlace;
    /** Says why, and holds nothing of it. */
    readonly message: string;
  };

/** Why what a request shows cannot be a login. */
export type CredentialProblem = "two_credentials" | "query_token_off" | "malformed";

/** With this a client offers a credential as if it were a subprotocol; it is never selected. */
export const CREDENTIAL_PREFIX = "bearer.";

const BEARER = /^bearer +(\S+)$/i;
const BASE64URL = /^[A-Za-z0-9_-]+={0,2}$/;

/** Reads the one credential of a request. */
export function readCredentials(head: RequestHead, options: CredentialOptions): Credentials {
  const found = [...fromHeaders(head), ...fromSubprotocols(head), ...fromQuery(head, options)];
  const [first, second] = found;
  if (first === undefined) return { kind: "none" };
  const { via } = first;
  if (second !== undefined) {
    return {
      kind: "invalid",
      reason: "two_credentials",
      via,
      message: "Cannot take more than one credential",
    };
  }
  return first.token === null
    ? { kind: "invalid", reason: first.reason ?? "malformed", via, message: first.problem }
    : { kind: "token", token: first.token, via };
}

type Found =
  & { readonly via: CredentialPlace }
  & (
    | { readonly token: string }
    | { readonly token: null; readonly reason?: CredentialProblem; readonly problem: string }
  );

function* fromHeaders({ rawHeaders }: RequestHead): Generator<Found> {
  for (const value of fieldsOf(rawHeaders, "authorization")) {
    const token = BEARER.exec(value.trim())?.[1];
    yield token !== undefined && isTokenText(token) ? { token, via: "header" } : {
      token: null,
      via: "header",
      problem: "Cannot take the Authorization field: it has to be Bearer and one token",
    };
  }
}

function* fromSubprotocols({ rawHeaders }: RequestHead): Generator<Found> {
  for (const value of fieldsOf(rawHeaders, "sec-websocket-protocol")) {
    for (const offered of value.split(",")) {
      const protocol = offered.trim();
      if (!protocol.startsWith(CREDENTIAL_PREFIX)) continue;
      const token = decodeToken(protocol.slice(CREDENTIAL_PREFIX.length));
      yield token !== null ? { token, via: "subprotocol" } : {
        token: null,
        via: "subprotocol",
        problem: `Cannot take the subprotocol ${CREDENTIAL_PREFIX}: base64url of a token has to follow`,
      };
    }
  }
}

function* fromQuery({ url }: RequestHead, { query }: CredentialOptions): Generator<Found> {
  const at = url.indexOf("?");
  if (at < 0) return;
  for (const token of new URLSearchParams(url.slice(at)).getAll("access_token")) {
    if (!query) {
      const problem = "Cannot take a token from the query: that is off here (auth.query_token); " +
        "whoever logs URLs has seen it, so replace it";
      yield { token: null, via: "query", reason: "query_token_off", problem };
      continue;
    }
    yield isTokenText(token)
      ? { token, via: "query" }
      : { token: null, via: "query", problem: "Cannot take the token of the query" };
  }
}

function* fieldsOf(rawHeaders: readonly string[], wanted: string): Generator<string> {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === wanted) yield rawHeaders[at + 1] ?? "";
  }
}

function decodeToken(encoded: string): string | null {
  if (!BASE64URL.test(encoded)) return null;
  const standard = encoded.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  try {
    const token = atob(standard);
    return isTokenText(token) ? token : null;
  } catch {
    return null;
  }
}
