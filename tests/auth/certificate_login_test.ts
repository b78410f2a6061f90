/** Logins by certificate under the rules of a configuration, on a fake clock. */
import assert from "node:assert/strict";
import type { ClientCertificate } from "../../src/core/client_certificate.ts";
import type { SecurityEvent } from "../../src/core/security_event.ts";
import { ListedCertificates } from "../../src/auth/listed_certificates.ts";
import { LoginService } from "../../src/auth/login.ts";
import type { LoginOptions } from "../../src/auth/login_policy.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { grantOf, identityOf, tableOf } from "./fakes.ts";

const WALL_MS = 1_000_000;
const EDGE = { match: "edge", subject: "edge", tenant: "acme", account: null, permissions: null };
const OPTIONS: Omit<LoginOptions, "findCertificate"> = {
  isDenied: () => false,
  authenticators: [],
  roles: { writer: grantOf({ publish: ["#"] }) },
  revoked: { tokenIds: [], subjects: [] },
  isMultiTenant: true,
  lockout: { threshold: 1, durationMs: 60_000 },
  findStaticToken: () => null,
};

function optionsOf(roles: readonly string[], options: Partial<LoginOptions> = {}): LoginOptions {
  const listed = new ListedCertificates([{ ...EDGE, roles }]);
  return { ...OPTIONS, findCertificate: (certificate) => listed.find(certificate), ...options };
}

function setUp() {
  const told: (string | undefined)[][] = [];
  const time = { wallMs: WALL_MS };
  const record = (event: SecurityEvent) => {
    assert.ok(event.kind === "login_accepted" || event.kind === "login_refused");
    told.push([
      event.kind,
      event.via,
      event.kind === "login_refused" ? event.reason : event.method,
      event.who?.subject,
    ]);
  };
  const service = new LoginService(optionsOf(["writer"]), {
    events: { record },
    logger: new MemoryLogger(),
    wallNow: () => time.wallMs,
  });
  const enter = (claimedTenant: string | null = null, parts: Partial<ClientCertificate> = {}) => {
    const certificate = {
      names: ["edge"],
      fingerprint: "AB",
      marks: [],
      expiresAtMs: WALL_MS + 10,
      ...parts,
    };
    return service.loginByCertificate({
      address: "192.0.2.1",
      connectionId: "c1",
      claimedTenant,
      certificate,
    });
  };
  return { service, enter, told, time };
}

Deno.test("Login by certificate: is let in as its entry says, and refused as tokens are, each told to the audit", async () => {
  const { service, enter, told } = setUp();
  await service.login({ token: "guess", address: "192.0.2.1", connectionId: "c0", via: "header" });
  told.length = 0;
  assert.equal(enter(null, { names: ["nobody"] }), null);
  assert.deepEqual(told, []);

  const outcome = enter("acme");
  assert.ok(outcome?.kind === "accepted");
  const { subject, tenant, account, expiresAtMs, rights } = outcome.login.principal;
  assert.deepEqual([subject, tenant, account, expiresAtMs], ["edge", "acme", "acme", WALL_MS + 10]);
  assert.ok(rights.allows("publish", "a"));
  assert.deepEqual(enter("other"), { kind: "refused", code: "invalid_tenant", retryAfterMs: null });
  service.setOptions(optionsOf(["writer"], { revoked: { tokenIds: [], subjects: ["edge"] } }));
  assert.deepEqual(enter(), { kind: "refused", code: "invalid_token", retryAfterMs: null });
  assert.deepEqual(told, [
    ["login_accepted", "certificate", "certificate", "edge"],
    ["login_refused", "certificate", "tenant_mismatch", "edge"],
    ["login_refused", "certificate", "revoked", "edge"],
  ]);
});

Deno.test("Login by certificate: a live one is looked up again under other rules, and runs out", () => {
  const { service, enter, time } = setUp();
  const outcome = enter();
  assert.ok(outcome?.kind === "accepted");
  const { login } = outcome;
  assert.deepEqual(service.reevaluate(login), { kind: "unchanged" });
  service.setOptions(optionsOf([]));
  const changed = service.reevaluate(login);
  assert.ok(changed.kind === "changed" && !changed.login.principal.rights.allows("publish", "a"));
  const other = new ListedCertificates([{ ...EDGE, subject: "other", roles: [] }]);
  service.setOptions(optionsOf([], { findCertificate: (certificate) => other.find(certificate) }));
  assert.deepEqual(service.reevaluate(login), { kind: "ended", reason: "other_subject" });
  service.setOptions(optionsOf([], { revoked: { tokenIds: [], subjects: ["edge"] } }));
  assert.deepEqual(service.reevaluate(login), { kind: "ended", reason: "revoked" });
  service.setOptions(optionsOf([], { findCertificate: () => null }));
  assert.deepEqual(service.reevaluate(login), { kind: "ended", reason: "unknown" });
  service.setOptions(optionsOf(["writer"]));
  time.wallMs += 10;
  assert.deepEqual(service.reevaluate(login), { kind: "ended", reason: "expired" });
});

/** A login by token on a connection that was made with a certificate. */
function besideToken() {
  const { service, told } = setUp();
  const identity = identityOf({ method: "jwt", tenant: "acme" });
  const authenticators = [tableOf({ good: identity, another: identity })];
  service.setOptions(optionsOf([], { authenticators }));
  const certificate = { names: ["nobody"], fingerprint: "AB", marks: ["AB"], expiresAtMs: WALL_MS + 10 };
  const request = {
    token: "good",
    address: "192.0.2.1",
    connectionId: "c1",
    via: "header",
    certificate,
  } as const;
  const denying = optionsOf([], { authenticators, isDenied: ({ marks }) => marks.includes("AB") });
  return { service, told, request, denying };
}

Deno.test("Login: one by token ends when the certificate of its connection is denied, and is no guess then", async () => {
  const { service, told, request, denying } = besideToken();
  const outcome = await service.login(request);
  assert.ok(outcome.kind === "accepted");
  service.setOptions(denying);
  assert.deepEqual(service.reevaluate(outcome.login), { kind: "ended", reason: "certificate_denied" });
  assert.deepEqual(await service.login(request), {
    kind: "refused",
    code: "invalid_token",
    retryAfterMs: null,
  });
  assert.deepEqual(told.at(-1), ["login_refused", "header", "certificate_denied", "sue"]);
  const neighbour = { ...request, token: "another", certificate: null };
  assert.equal((await service.login(neighbour)).kind, "accepted", "the address is not locked out");
});
