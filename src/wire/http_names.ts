/**
 * The names of HTTP fields that mean something here, found by their bytes in any case: a head is read without making
 * texts of them.
 */

/** What a field is to whoever passes a head on. */
export interface KnownName {
  /** In lower case. */
  readonly key: string;
  /** Meant for one connection only (RFC 9110, section 7.6.1). */
  readonly isHopByHop: boolean;
  /** The hub says it itself to services. */
  readonly isSetAnew: boolean;
}

const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
] as const;
const SET_ANEW = [
  "host",
  "content-length",
  "expect",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-real-ip",
  "x-request-id",
] as const;
const JUST_KNOWN = [
  "accept",
  "accept-encoding",
  "accept-language",
  "authorization",
  "cache-control",
  "content-type",
  "cookie",
  "date",
  "etag",
  "last-modified",
  "referer",
  "server",
  "set-cookie",
  "user-agent",
  "vary",
] as const;

const TO_LOWER_CASE = 0x20;
const FACTOR = 31;

/** Where the sum of a name begins. */
export const EMPTY_SUM = 0;

/** The sum of a name with one more byte. The case of letters does not matter. */
export function addToSum(sum: number, byte: number): number {
  return (Math.imul(sum, FACTOR) + (byte | TO_LOWER_CASE)) | 0;
}

const KNOWN: ReadonlyMap<number, KnownName> = new Map(
  [...HOP_BY_HOP, ...SET_ANEW, ...JUST_KNOWN].map((key) => {
    let sum = EMPTY_SUM;
    for (let at = 0; at < key.length; at++) sum = addToSum(sum, key.charCodeAt(at));
    const isHopByHop = HOP_BY_HOP.some((one) => one === key);
    return [sum, { key, isHopByHop, isSetAnew: SET_ANEW.some((one) => one === key) }];
  }),
);

/** The known name that stands in these bytes, whose sum this is; `null` for any other. */
export function knownName(bytes: Uint8Array, { from, to, sum }: NamePlace): KnownName | null {
  const known = KNOWN.get(sum);
  if (known === undefined || known.key.length !== to - from) return null;
  // Names have letters, digits and `-` alone: no other byte of a name is the same in lower case.
  for (let at = from; at < to; at++) {
    if (((bytes[at] ?? 0) | TO_LOWER_CASE) !== known.key.charCodeAt(at - from)) return null;
  }
  return known;
}

/** Where a name stands. */
export interface NamePlace {
  readonly from: number;
  readonly to: number;
  readonly sum: number;
}
