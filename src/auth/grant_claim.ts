/**
 * The claim that holds permissions: an object with the same members as a role of the configuration, each of which may
 * be left out. Whatever else it holds makes the token a bad one: a right that is not understood is not ignored.
 */
import { parseConnectRule, parseTunnelRule } from "../core/access_rules.ts";
import { isTopicPattern } from "../core/topic.ts";
import type { Grant } from "./authenticator.ts";
import { isJsonObject, type JsonObject, memberOf } from "./json_object.ts";

/** The most entries of one list of rights. */
export const MAX_GRANT_ENTRIES = 256;

/** The longest target of a connect right, in characters. */
export const MAX_CONNECT_TARGET_LENGTH = 512;

const MEMBERS = ["publish", "subscribe", "request", "serve", "tunnel", "connect", "admin"];
const MAX_PORT = 65_535;

/** The rights of a claim, or `null` when it is not right. */
export function readGrant(claim: unknown): Grant | null {
  if (!isJsonObject(claim) || Object.keys(claim).some((name) => !MEMBERS.includes(name))) return null;
  const publish = readList(claim, "publish", isTopicPattern);
  const subscribe = readList(claim, "subscribe", isTopicPattern);
  const request = readList(claim, "request", isTopicPattern);
  const serve = readList(claim, "serve", isTopicPattern);
  const tunnel = readList(claim, "tunnel", (text) => parseTunnelRule(text) !== null);
  const connect = readList(claim, "connect", isConnectTarget);
  const admin = Object.hasOwn(claim, "admin") ? claim["admin"] : false;
  if (
    publish === null || subscribe === null || request === null || serve === null || tunnel === null ||
    connect === null || typeof admin !== "boolean"
  ) {
    return null;
  }
  return { publish, subscribe, request, serve, tunnel, connect, admin };
}

function readList(claim: JsonObject, name: string, isEntry: (text: string) => boolean): string[] | null {
  const list = memberOf(claim, name);
  if (list === undefined) return [];
  if (!Array.isArray(list) || list.length > MAX_GRANT_ENTRIES) return null;
  const texts = list.map((entry) => name === "tunnel" && isPort(entry) ? String(entry) : entry);
  return texts.every((entry) => typeof entry === "string" && isEntry(entry)) ? texts : null;
}

function isConnectTarget(text: string): boolean {
  return text.length <= MAX_CONNECT_TARGET_LENGTH && parseConnectRule(text) !== null;
}

function isPort(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= MAX_PORT;
}
