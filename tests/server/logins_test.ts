import assert from "node:assert/strict";
import { systemClock } from "../../src/core/ports.ts";
import type { LoginRequest } from "../../src/hub/login.ts";
import { Logins } from "../../src/server/logins.ts";
import { signJwt } from "../helpers/jwt.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { OpenIdProvider } from "../helpers/openid_provider.ts";
import { testConfig } from "../helpers/test_hub.ts";

function createLogins(set: readonly string[]): { logins: Logins; logger: MemoryLogger } {
  const logger = new MemoryLogger();
  const config = testConfig(["auth.mode=required", ...set]);
  return {
    logger,
    logins: new Logins(config, { events: { record: () => {} }, logger, clock: systemClock, gate: {} }),
  };
}

function requestOf(token: string): LoginRequest {
  return {
    token,
    ip: "::1",
    via: "header",
    connectionId: null,
    tenant: null,
    certificate: null,
    renews: null,
    isGone: () => false,
  };
}

Deno.test("Logins: the end of a hub ends what is being fetched, and who waits for it is refused", async () => {
  await using provider = new OpenIdProvider();
  const { issuer, key } = provider;
  const { logins, logger } = createLogins([`auth.oidc.issuer=${issuer}`]);
  provider.mode = "hanging";
  const claims = { sub: "a", exp: Date.now() / 1000 + 1000, iss: issuer };
  const outcome = logins.login(requestOf(signJwt(claims, key)));
  await provider.isAsked();
  logins.stop();
  const refusal = await outcome;
  assert.equal(refusal.kind === "refused" && refusal.code, "unavailable");
  assert.match(logger.lines[0]?.message ?? "", /the hub stops/);
});

Deno.test("Logins: a hub that starts again fetches again", async () => {
  await using provider = new OpenIdProvider();
  const { logins } = createLogins([`auth.oidc.issuer=${provider.issuer}`]);
  await logins.start();
  logins.stop();
  await logins.start();
  assert.equal(provider.asked.keys, 2);
  logins.stop();
});

Deno.test("Logins: what fails inside is logged and refused, never thrown", async () => {
  const { logins, logger } = createLogins([`auth.jwt.secret=${"s".repeat(32)}`]);
  const request = requestOf("x");
  const broken = {
    ...request,
    isGone: () => {
      throw new Error("broken");
    },
  };
  const outcome = await logins.login(broken);
  assert.equal(outcome.kind === "refused" && outcome.code, "unavailable");
  assert.deepEqual(logger.lines.map(({ level, fields }) => [level, fields]), [["error", {
    error: "broken",
  }]]);
});
