/**
 * Who the claims of a verified token speak of. A claim that is there and of a wrong kind, or too long, or one of too
 * many, makes the whole token a bad one: nobody gets in with less than what his token says.
 */
import { isLoginName, isSubject } from "../core/login_names.ts";
import type { Identity } from "./authenticator.ts";
import { claimAt } from "./claim_path.ts";
import { readGrant } from "./grant_claim.ts";
import { type JsonObject, memberOf } from "./json_object.ts";

/** Where the claims stand; paths as of {@link claimAt}. */
export interface ClaimPaths {
  /** All that are there count. */
  readonly roles: readonly string[];
  readonly permissions: string;
  readonly tenant: string;
  readonly account: string;
}

/** The most roles of a token. */
export const MAX_ROLES = 100;
/** The last moment that has a date, in milliseconds since 1970. */
const MAX_DATE_MS = 8.64e15;

/** How the claims are read. */
export interface ClaimsOptions {
  readonly method: Identity["method"];
  readonly paths: ClaimPaths;
  /** How much longer than `exp` says it holds, for the difference of clocks. */
  readonly clockToleranceMs: number;
}

/** An identity, or the claim that is not right. */
export type ClaimsResult =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly claim: string };

/** Reads the claims of a token whose signature and times are right. */
export function readIdentity(
  claims: JsonObject,
  { method, paths, clockToleranceMs }: ClaimsOptions,
): ClaimsResult {
  const subject = memberOf(claims, "sub");
  if (!isSubject(subject)) return wrong("sub");
  const expiresAtMs = readExpiry(memberOf(claims, "exp"), clockToleranceMs);
  if (expiresAtMs === null) return wrong("exp");
  const tokenId = memberOf(claims, "jti");
  if (tokenId !== undefined && !isSubject(tokenId)) return wrong("jti");
  const tenant = claimAt(claims, paths.tenant);
  if (!isNameOrNone(tenant)) return wrong(paths.tenant);
  const account = claimAt(claims, paths.account);
  if (!isNameOrNone(account)) return wrong(paths.account);
  const roles = readRoles(claims, paths.roles);
  if (!Array.isArray(roles)) return wrong(roles);
  const permissions = claimAt(claims, paths.permissions);
  const grant = permissions === undefined ? null : readGrant(permissions);
  if (permissions !== undefined && grant === null) return wrong(paths.permissions);
  const names = { subject, tenant: tenant ?? null, account: account ?? null, tokenId: tokenId ?? null };
  return { ok: true, identity: { method, ...names, roles, grant, expiresAtMs } };
}

function wrong(claim: string): ClaimsResult {
  return { ok: false, claim };
}

/**
 * A token without an end would be good for ever once it is lost, so `exp` is a must; and one that ends beyond all
 * dates cannot be told of.
 */
function readExpiry(exp: unknown, clockToleranceMs: number): number | null {
  if (typeof exp !== "number") return null;
  const ms = Math.floor(exp * 1000) + clockToleranceMs;
  return Math.abs(ms) <= MAX_DATE_MS ? ms : null;
}

/** The roles, each once; the path that is not right when there is one. */
function readRoles(claims: JsonObject, paths: readonly string[]): string[] | string {
  const roles = new Set<string>();
  for (const path of paths) {
    const list = claimAt(claims, path);
    if (list === undefined) continue;
    if (!isListOfRoles(list)) return path;
    for (const role of list) roles.add(role);
    if (roles.size > MAX_ROLES) return path;
  }
  return [...roles];
}

function isListOfRoles(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= MAX_ROLES &&
    value.every(isLoginName);
}

function isNameOrNone(value: unknown): value is string | undefined {
  return value === undefined || isLoginName(value);
}
