import { deepEqual, equal, ok } from "node:assert/strict";
import type { Authenticator, RefusalReason } from "../../src/auth/authenticator.ts";
import {
  hashToken,
  type Login,
  type LoginOutcome,
  type LoginRequest,
  LoginService,
  type LoginServiceParts,
} from "../../src/auth/login.ts";
import type { LoginOptions } from "../../src/auth/login_policy.ts";
import type { SecurityEvent } from "../../src/core/security_event.ts";
import { until } from "../helpers/event_loop.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { FakeAuthenticator, grantOf, identityOf, tableOf } from "./fakes.ts";

const WALL_MS = 1_000_000;

function optionsOf(
  authenticators: readonly Authenticator[],
  parts: Partial<LoginOptions> = {},
): LoginOptions {
  return {
    authenticators,
    roles: { reader: grantOf({ subscribe: ["#"] }) },
    revoked: { tokenIds: [], subjects: [] },
    isMultiTenant: false,
    lockout: { threshold: 3, durationMs: 60_000 },
    findStaticToken: () => null,
    findCertificate: () => null,
    isDenied: () => false,
    ...parts,
  };
}

function setUp(options: LoginOptions, parts: Partial<LoginServiceParts> = {}) {
  const events: SecurityEvent[] = [];
  const time = { nowMs: 0, wallMs: WALL_MS };
  const logger = new MemoryLogger();
  const service = new LoginService(options, {
    events: { record: (event) => void events.push(event) },
    logger,
    clock: { now: () => time.nowMs },
    wallNow: () => time.wallMs,
    random: () => 0.5,
    ...parts,
  });
  const request = (token: string, parts: Partial<LoginRequest> = {}): LoginRequest => ({
    token,
    address: "192.0.2.1",
    connectionId: "c1",
    via: "header",
    ...parts,
  });
  const login = (token: string, parts: Partial<LoginRequest> = {}) => service.login(request(token, parts));
  return { service, events, time, logger, request, login };
}

function accepted(outcome: LoginOutcome): Login {
  if (outcome.kind !== "accepted") throw new Error(`refused: ${outcome.code}`);
  return outcome.login;
}

function codeOf(outcome: LoginOutcome): string {
  return outcome.kind === "accepted" ? "accepted" : outcome.code;
}

Deno.test("Login: a token that proves somebody gives a principal with its rights", async () => {
  const identity = identityOf({
    roles: ["reader"],
    grant: grantOf({ publish: ["a"] }),
    expiresAtMs: WALL_MS + 1,
  });
  const { login, events } = setUp(optionsOf([tableOf({ good: identity })]));
  const { principal } = accepted(await login("good"));
  const { rights, ...who } = principal;
  deepEqual(who, { subject: "sue", tenant: "default", account: "sue", expiresAtMs: WALL_MS + 1 });
  ok(rights.covers("subscribe", "a.#") && rights.allows("publish", "a") && !rights.isAdmin);
  deepEqual(events, [{
    kind: "login_accepted",
    address: "192.0.2.1",
    connectionId: "c1",
    who: { subject: "sue", tenant: "default", account: "sue" },
    method: "token",
    via: "header",
  }]);
});

Deno.test("Login: authenticators are asked in turn until a token is one's own", async () => {
  const first = new FakeAuthenticator(() => ({ kind: "not_mine" }));
  const second = tableOf({ good: identityOf() });
  const third = tableOf({ bad: identityOf() });
  const { login, events } = setUp(optionsOf([first, second, third]));
  equal(codeOf(await login("good")), "accepted");
  equal(codeOf(await login("bad")), "invalid_token");
  deepEqual([first.seen, second.seen, third.seen], [["good", "bad"], ["good", "bad"], []]);
  equal(codeOf(await setUp(optionsOf([first])).login("x")), "invalid_token");
  equal(events.at(-1)?.kind, "login_refused");
});

Deno.test("Login: whatever is wrong with a token, the answer is the same and the reason goes to the audit", async () => {
  const reasons: RefusalReason[] = [
    "malformed",
    "unknown",
    "algorithm",
    "signature",
    "expired",
    "not_yet_valid",
  ];
  reasons.push("issuer", "audience", "claim");
  for (const reason of reasons) {
    const { login, events } = setUp(optionsOf([new FakeAuthenticator(() => ({ kind: "refused", reason }))]));
    deepEqual(await login("bad"), { kind: "refused", code: "invalid_token", retryAfterMs: null }, reason);
    deepEqual(events.map((event) => "reason" in event && event.reason), [reason]);
    equal(JSON.stringify(events).includes("bad"), false);
  }
});

Deno.test("Login: a revoked subject, a revoked token and one that has just expired are refused alike", async () => {
  const table = tableOf({
    subject: identityOf({ subject: "gone" }),
    id: identityOf({ method: "jwt", tokenId: "j1" }),
    expired: identityOf({ expiresAtMs: WALL_MS }),
    odd: identityOf({ subject: "a\nb" }),
    empty: identityOf({ subject: "" }),
    long: identityOf({ tenant: "t".repeat(256) }),
    other: identityOf({ tokenId: "j2" }),
  });
  const revoked = { tokenIds: ["j1"], subjects: ["gone"] };
  const { login } = setUp(optionsOf([table], { revoked, lockout: { threshold: 100, durationMs: 1 } }));
  for (const token of ["subject", "id", "expired", "odd", "empty", "long"]) {
    deepEqual(await login(token), { kind: "refused", code: "invalid_token", retryAfterMs: null }, token);
  }
  equal(codeOf(await login("other")), "accepted");
});

Deno.test("Login: an empty token and one that is too long reach no authenticator", async () => {
  const table = tableOf({});
  const { login } = setUp(optionsOf([table]));
  equal(codeOf(await login("")), "invalid_token");
  equal(codeOf(await login("x".repeat(16 * 1024 + 1))), "invalid_token");
  deepEqual(table.seen, []);
});

Deno.test("Login: keys that cannot be had, or a kind of login that breaks, are not the visitor's failure", async () => {
  const down = new FakeAuthenticator(() => ({ kind: "refused", reason: "keys_unavailable" }));
  const broken = new FakeAuthenticator(() => Promise.reject(new Error("boom")));
  for (const authenticator of [down, broken]) {
    const { login, logger } = setUp(optionsOf([authenticator]));
    for (let n = 0; n < 10; n++) {
      deepEqual(await login("t"), { kind: "refused", code: "server_unavailable", retryAfterMs: 5000 });
    }
    equal(logger.lines.length, authenticator === broken ? 10 : 0);
  }
});

Deno.test("Login: who guesses is locked out before anything is looked at, also with a good token", async () => {
  const table = tableOf({ good: identityOf() });
  const { login, time, events } = setUp(optionsOf([table]));
  for (const token of ["a", "b", "c"]) equal(codeOf(await login(token)), "invalid_token");
  const seen = table.seen.length;
  deepEqual(await login("good"), { kind: "refused", code: "locked_out", retryAfterMs: 60_000 });
  equal(table.seen.length, seen);
  equal(events.at(-1)?.kind, "locked_out");
  equal(codeOf(await login("good", { address: "192.0.2.2" })), "accepted");
  time.nowMs = 60_000;
  equal(codeOf(await login("good")), "accepted");
});

Deno.test("Login: a good token in between buys no more guesses", async () => {
  const { login } = setUp(optionsOf([tableOf({ good: identityOf() })]));
  for (const token of ["a", "good", "b", "good", "c"]) await login(token);
  equal(codeOf(await login("good")), "locked_out");
});

Deno.test("Login: those who waited behind guesses from the same address are not looked at", async () => {
  const table = tableOf({ good: identityOf() });
  const { login } = setUp(optionsOf([table]), { gate: { maxRunning: 1 } });
  const outcomes = await Promise.all(["a", "b", "c", "d", "good"].map((token) => login(token)));
  deepEqual(outcomes.map(codeOf), [
    "invalid_token",
    "invalid_token",
    "invalid_token",
    "locked_out",
    "locked_out",
  ]);
  deepEqual(table.seen, ["a", "b", "c"]);
});

Deno.test("Login: tokens of keys that are not known yet get no place, and too many of them lock out their address", async () => {
  const load = Promise.withResolvers<void>();
  const byKey: Authenticator = {
    name: "jwt",
    authenticate: async (token, wait) => {
      if (!token.startsWith("key-")) return { kind: "not_mine" };
      await wait?.(load.promise);
      return { kind: "refused", reason: "key_unknown_yet", keyId: token };
    },
  };
  const table = tableOf({ good: identityOf() });
  const { login } = setUp(optionsOf([byKey, table]), { gate: { maxRunning: 2 } });
  const changed = Array.from({ length: 50 }, () => login("key-changed", { address: "192.0.2.9" }));
  const forged = Array.from({ length: 6 }, (_, at) => login(`key-${at}`));
  equal(codeOf(await login("good")), "accepted");
  load.resolve();
  const unavailable = { kind: "refused", code: "server_unavailable", retryAfterMs: 5000 };
  for (const outcome of await Promise.all([...forged, ...changed])) deepEqual(outcome, unavailable);
  equal(codeOf(await login("good")), "locked_out");
  equal(codeOf(await login("good", { address: "192.0.2.9" })), "accepted");
});

Deno.test("Login: with tenants kept apart a token has to name its own, and the handshake no other", async () => {
  const table = tableOf({ none: identityOf(), acme: identityOf({ tenant: "acme" }) });
  const options = optionsOf([table], { isMultiTenant: true });
  const { login } = setUp(options);
  equal(codeOf(await login("none")), "tenant_required");
  equal(codeOf(await login("acme", { claimedTenant: "other" })), "invalid_tenant");
  equal(codeOf(await login("acme", { claimedTenant: "default" })), "invalid_tenant");
  const { principal } = accepted(await login("acme", { claimedTenant: "acme" }));
  deepEqual([principal.tenant, principal.account], ["acme", "acme"]);
  equal(accepted(await login("acme")).principal.tenant, "acme");
});

Deno.test("Login: without tenants all are in the default one, and no handshake may rely on another", async () => {
  const table = tableOf({
    none: identityOf(),
    acme: identityOf({ tenant: "acme", account: "billing" }),
  });
  const { login } = setUp(optionsOf([table]));
  const { principal } = accepted(await login("acme", { claimedTenant: "acme" }));
  deepEqual([principal.tenant, principal.account], ["default", "billing"]);
  equal(codeOf(await login("acme", { claimedTenant: "default" })), "accepted");
  equal(codeOf(await login("none", { claimedTenant: "default" })), "accepted");
  equal(codeOf(await login("none", { claimedTenant: "acme" })), "invalid_tenant");
  equal(codeOf(await login("acme", { claimedTenant: "other" })), "invalid_tenant");
});

Deno.test("Login: a refresh takes a token of the same subject and tenant only", async () => {
  const table = tableOf({
    first: identityOf({ tenant: "acme", expiresAtMs: WALL_MS + 1 }),
    second: identityOf({ tenant: "acme", expiresAtMs: WALL_MS + 2 }),
    foreign: identityOf({ tenant: "acme", subject: "bob" }),
    elsewhere: identityOf({ tenant: "other" }),
  });
  const { service, login, request } = setUp(optionsOf([table], { isMultiTenant: true }));
  const current = accepted(await login("first"));
  equal(accepted(await service.refresh(current, request("second"))).principal.expiresAtMs, WALL_MS + 2);
  for (const token of ["foreign", "elsewhere"]) {
    deepEqual(await service.refresh(current, request(token)), {
      kind: "refused",
      code: "invalid_token",
      retryAfterMs: null,
    });
  }
});

Deno.test("Login: guesses from an address end no refresh, and failed refreshes lock out no address", async () => {
  const { service, login, request } = setUp(optionsOf([tableOf({ good: identityOf() })]));
  const current = accepted(await login("good"));
  for (const token of ["a", "b", "c"]) await login(token);
  equal(codeOf(await login("good")), "locked_out");
  equal(codeOf(await service.refresh(current, request("good"))), "accepted");
  const address = "192.0.2.9";
  for (const token of ["a", "b", "c"]) await service.refresh(current, request(token, { address }));
  equal(codeOf(await service.refresh(current, request("good", { address }))), "locked_out");
  equal(codeOf(await login("good", { address })), "accepted");
});

Deno.test("Login: a live login is held against the rules that came since", async () => {
  const listed = new Map([[hashToken("static"), identityOf({ subject: "box", roles: ["reader"] })]]);
  const table = tableOf({
    static: identityOf({ subject: "box", roles: ["reader"] }),
    jwt: identityOf({ method: "jwt", tokenId: "j1", expiresAtMs: WALL_MS + 10 }),
  });
  const findStaticToken = (hash: string) => listed.get(hash) ?? null;
  const options = optionsOf([table], { findStaticToken });
  const { service, login, time } = setUp(options);
  const box = accepted(await login("static"));
  const sue = accepted(await login("jwt"));
  deepEqual([service.reevaluate(box).kind, service.reevaluate(sue).kind], ["unchanged", "unchanged"]);

  const sameRoles = { writer: grantOf({ publish: ["#"] }), reader: grantOf({ subscribe: ["#"] }) };
  service.setOptions({ ...options, roles: sameRoles });
  deepEqual([service.reevaluate(box).kind, service.reevaluate(sue).kind], ["unchanged", "unchanged"]);
  service.setOptions({ ...options, roles: { reader: grantOf({ publish: ["#"] }) } });
  const changed = service.reevaluate(box);
  ok(changed.kind === "changed" && changed.login.principal.rights.allows("publish", "a"));

  service.setOptions({ ...options, revoked: { tokenIds: ["j1"], subjects: [] } });
  equal(service.isRevoked(sue), true);
  equal(service.isRevoked(box), false);
  deepEqual(service.reevaluate(sue), { kind: "ended", reason: "revoked" });

  service.setOptions({ ...options, isMultiTenant: true });
  deepEqual(service.reevaluate(box), { kind: "ended", reason: "tenant_required" });

  service.setOptions(options);
  time.wallMs += 10;
  deepEqual(service.reevaluate(sue), { kind: "ended", reason: "expired" });
  listed.set(hashToken("static"), identityOf({ subject: "other" }));
  deepEqual(service.reevaluate(box), { kind: "ended", reason: "other_subject" });
  listed.clear();
  deepEqual(service.reevaluate(box), { kind: "ended", reason: "unknown" });
});

Deno.test("Login: rules that come while a token is looked at count already", async () => {
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const slow = new FakeAuthenticator(async () => {
    begun.resolve();
    await go.promise;
    return { kind: "accepted", identity: identityOf() };
  });
  const options = optionsOf([slow], { findStaticToken: () => identityOf() });
  const { service, login } = setUp(options);
  const outcome = login("gone soon");
  await begun.promise;
  service.setOptions({ ...options, findStaticToken: () => null });
  go.resolve();
  equal(codeOf(await outcome), "invalid_token");
});

Deno.test("Login: a storm is served in turns, within bounds, and those too many are told when to come back", async () => {
  let running = 0;
  let most = 0;
  const slow = new FakeAuthenticator(async (token) => {
    most = Math.max(most, ++running);
    await Promise.resolve();
    running--;
    return { kind: "accepted", identity: identityOf({ subject: token }) };
  });
  const { login } = setUp(optionsOf([slow]));
  let done = 0;
  const storm = Array.from({ length: 5000 }, async (_, n) => {
    const outcome = await login(`t${n}`, { address: `10.0.${n >> 8}.${n & 255}` });
    done++;
    return outcome;
  });
  // Whoever is connected already has turns of the event loop in between: at most eight logins begin in each.
  const doneByTurn: number[] = [];
  await until(() => doneByTurn.push(done) > 0 && done === 5000);
  const outcomes = await Promise.all(storm);
  const refused = outcomes.filter((outcome) => outcome.kind === "refused");
  equal(refused.length, 5000 - 4096 - 8);
  deepEqual(refused[0], { kind: "refused", code: "overloaded", retryAfterMs: 6000 });
  ok(most <= 64, `${most} at once`);
  for (let turn = 2; turn < doneByTurn.length; turn++) {
    const began = (doneByTurn[turn] ?? 0) - (doneByTurn[turn - 1] ?? 0);
    ok(began <= 16, `${began} in a turn`);
  }
});

Deno.test("Login: nobody looks at the token of somebody who went away while waiting", async () => {
  const table = tableOf({ good: identityOf() });
  const { login, events } = setUp(optionsOf([table]), { gate: { maxRunning: 1 } });
  const first = login("good");
  const second = login("other", { isGone: () => true });
  equal(codeOf(await first), "accepted");
  equal(codeOf(await second), "server_unavailable");
  deepEqual(table.seen, ["good"]);
  equal(events.length, 1);
});
