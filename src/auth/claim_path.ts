/**
 * Paths to claims such as `realm_access.roles`. A dot leads into a nested object, and it may also be a part of a name
 * (`resource_access.my.client.roles`, `https://id.example/roles`): at each step the longest name that is there counts
 * whose rest leads somewhere.
 */
import { isJsonObject, type JsonObject, memberOf } from "./json_object.ts";

/** The most parts of a path; what is longer leads nowhere. */
export const MAX_PATH_PARTS = 16;

/** The claim at the path; `undefined` when there is none. */
export function claimAt(claims: JsonObject, path: string): unknown {
  const parts = path.split(".");
  return parts.length > MAX_PATH_PARTS ? undefined : find(claims, parts);
}

function find(value: unknown, parts: readonly string[]): unknown {
  if (parts.length === 0) return value;
  if (!isJsonObject(value)) return undefined;
  for (let count = parts.length; count > 0; count--) {
    const member = memberOf(value, parts.slice(0, count).join("."));
    const found = member === undefined ? undefined : find(member, parts.slice(count));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The claims with one more at the path, so that {@link claimAt} finds it there. */
export function withClaim(claims: JsonObject, path: string, value: unknown): JsonObject {
  const at = path.indexOf(".");
  if (at < 0) return { ...claims, [path]: value };
  const name = path.slice(0, at);
  const below = memberOf(claims, name);
  return { ...claims, [name]: withClaim(isJsonObject(below) ? below : {}, path.slice(at + 1), value) };
}
