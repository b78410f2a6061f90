/** What the parser of `node:http` makes of bytes: another opinion, to compare with. */
import { HTTPParser, methods } from "node:_http_common";
import { Buffer } from "node:buffer";
import type { Fields } from "./http_reading.ts";

/** One message. */
export interface NodeMessage {
  /** Method and target, or status and reason. */
  readonly line: string;
  readonly minor: number;
  readonly fields: Fields;
  readonly body: string;
  readonly trailers: Fields;
  /** Whether it goes on with another protocol. */
  readonly isUpgrade: boolean;
}

/** What was read. */
export interface NodeReading {
  /** Those that are whole. */
  readonly messages: readonly NodeMessage[];
  /** Why it reads no further; `null` where nothing is wrong. */
  readonly fault: string | null;
}

/** What to read. */
export interface NodeOptions {
  readonly kind: "requests" | "responses";
  /** Whether they are responses to HEAD, without bodies. @default false */
  readonly isHead?: boolean;
}

/** Reads it to the end of the connection. */
export function readAsNode(input: Uint8Array, { kind, isHead = false }: NodeOptions): NodeReading {
  const messages: NodeMessage[] = [];
  let early: string[] = [];
  let open = { line: "", minor: 0, fields: [] as Fields, isUpgrade: false };
  let body = "";
  let earlyUrl = "";
  const parser = new HTTPParser();
  parser.initialize(kind === "requests" ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {});
  parser[HTTPParser.kOnMessageBegin] = () => {
    early = [];
    earlyUrl = "";
    body = "";
  };
  // Those of a head that has very many, and those behind a body.
  parser[HTTPParser.kOnHeaders] = (flat: string[], url: string) => {
    early.push(...flat);
    earlyUrl += url;
  };
  parser[HTTPParser.kOnHeadersComplete] = (...told: unknown[]) => {
    const [, minor, flat, method, url, status, reason, isUpgrade] = told;
    const line = kind === "requests" ? `${methodOf(method)} ${url ?? earlyUrl}` : `${status} ${reason}`;
    const fields = pairs(Array.isArray(flat) ? [...early, ...flat] : early);
    early = [];
    open = { line, minor: Number(minor), fields, isUpgrade: isUpgrade === true };
    return isHead ? 1 : 0;
  };
  parser[HTTPParser.kOnBody] = (part: Uint8Array) => {
    body += Buffer.from(part).toString("latin1");
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    messages.push({ ...open, body, trailers: pairs(early) });
  };
  const taken: unknown = parser.execute(Buffer.from(input));
  const ended: unknown = taken instanceof Error ? taken : parser.finish();
  const fault = ended instanceof Error ? ("code" in ended ? String(ended.code) : ended.message) : null;
  return { messages, fault };
}

function methodOf(method: unknown): string {
  return METHODS[Number(method)] ?? "?";
}

function pairs(flat: readonly string[]): Fields {
  const fields: [string, string][] = [];
  for (let at = 0; at < flat.length; at += 2) {
    fields.push([(flat[at] ?? "").toLowerCase(), flat[at + 1] ?? ""]);
  }
  return fields;
}

/** By the numbers that the parser gives. */
const METHODS: readonly string[] = methods;
