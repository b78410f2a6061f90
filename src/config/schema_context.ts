/**
 * What the schema needs from outside while it reads a configuration: where relative paths lead and what
 * secrets hold. Fields that depend on it live here.
 */
import { z } from "zod";
import { field, kindOf } from "./fields.ts";

/** A secret that stands elsewhere. */
export type SecretReference = { readonly file: string } | { readonly env: string };

/** The text of a secret, or why it cannot be read (without any of its text). */
export type SecretResult = { readonly ok: true; readonly text: string } | {
  readonly ok: false;
  readonly reason: string;
};

/** What the schema asks the loader for. */
export interface SchemaContext {
  /** The absolute form of a path that may be relative to the configuration's folder. */
  resolvePath(path: string): string;
  /** Reads a secret that stands in a file or a variable. */
  readSecret(reference: SecretReference): SecretResult;
}

/** A context for looking at the schema itself: paths stay as they are, no secret can be read. */
export const detachedContext: SchemaContext = {
  resolvePath: (path) => path,
  readSecret: () => ({ ok: false, reason: "there is nothing to read secrets from" }),
};

/** The path of a file or folder; relative ones start at the configuration's folder. The result is absolute. */
export function path(context: SchemaContext) {
  return field({
    json: { type: "string", minLength: 1 },
    expected: "the path of a file, absolute or relative to the folder of the configuration",
    read: (raw) => isPath(raw) ? context.resolvePath(raw) : undefined,
  });
}

/** One of the words, or else a path as {@link path}. */
export function wordOrPath(context: SchemaContext, words: readonly string[]) {
  return field({
    json: { type: "string", minLength: 1 },
    expected: `${words.join(", ")} or the path of a file`,
    read: (raw) => !isPath(raw) ? undefined : words.includes(raw) ? raw : context.resolvePath(raw),
  });
}

/** An http or https URL without credentials, or else a path as {@link path}. */
export function urlOrPath(context: SchemaContext) {
  return field({
    json: { type: "string", minLength: 1 },
    expected: "an http or https URL without user name and password, or the path of a file",
    read: (raw) => {
      if (!isPath(raw)) return undefined;
      if (!/^[a-z][a-z0-9+.-]+:/i.test(raw)) return context.resolvePath(raw);
      return isHttpUrl(raw) ? raw : undefined;
    },
  });
}

/** Whether the text is an http or https URL without credentials. */
export function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
}

/** A secret: the text itself, `{ file: path }` or `{ env: NAME }`. The result is the text. */
export function secret(context: SchemaContext) {
  const expected = "the secret in quotes, { file: path } or { env: NAME }";
  const reference = (key: string) => ({
    type: "object",
    properties: { [key]: { type: "string", minLength: 1 } },
    required: [key],
    additionalProperties: false,
  });
  const json = { anyOf: [{ type: "string", minLength: 1 }, reference("file"), reference("env")] };
  return z.unknown().meta({ ...json, unit: "secret" }).transform((raw, issues): string => {
    const result = readSecretValue(context, raw);
    if (result.ok && result.text !== "") return result.text;
    const reason = result.ok ? "it is empty" : result.reason;
    issues.addIssue({ code: "custom", message: `Cannot read this secret: ${reason}; write ${expected}` });
    return z.NEVER;
  });
}

function readSecretValue(context: SchemaContext, raw: unknown): SecretResult {
  if (raw === undefined) return { ok: false, reason: "it is missing" };
  if (typeof raw === "string") return { ok: true, text: raw };
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    return { ok: false, reason: `it is ${kindOf(raw)}` };
  }
  const entries: [string, unknown][] = Object.entries(raw);
  const [key, value] = entries[0] ?? [];
  if (entries.length !== 1 || !isPath(value)) return { ok: false, reason: "it is another kind of map" };
  if (key === "file") return context.readSecret({ file: context.resolvePath(value) });
  if (key === "env") return context.readSecret({ env: value });
  return { ok: false, reason: "it is another kind of map" };
}

function isPath(raw: unknown): raw is string {
  return typeof raw === "string" && raw !== "" && !raw.includes("\0");
}
