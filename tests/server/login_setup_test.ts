import { deepEqual, equal, ok } from "node:assert/strict";
import { hashToken, LoginService } from "../../src/auth/login.ts";
import { configSchema } from "../../src/config/schema.ts";
import { detachedContext } from "../../src/config/schema_context.ts";
import { loginOptions } from "../../src/server/login_setup.ts";
import { tableOf } from "../auth/fakes.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";

Deno.test("Login setup: the section auth gives the rules of logins", async () => {
  const { auth } = configSchema(detachedContext).parse({
    auth: {
      multi_tenant: true,
      lockout: { threshold: 2, duration: "10s" },
      revoked: { jti: ["j"], subjects: ["gone"] },
      permissions: { reader: { subscribe: ["a.#"], tunnel: [20000], connect: ["*:db:1-9"] } },
      tokens: [
        { token: "t1", subject: "box", tenant: "acme", roles: ["reader"], permissions: { publish: ["b"] } },
        { token: "t2", subject: "gone", tenant: "acme" },
      ],
    },
  });
  const options = loginOptions(auth, { authenticators: [], deny: [] });
  deepEqual(options.lockout, { threshold: 2, durationMs: 10_000 });
  equal(options.findStaticToken("t1"), null);
  const tokens = Object.fromEntries(["t1", "t2"].flatMap((token) => {
    const identity = options.findStaticToken(hashToken(token));
    return identity === null ? [] : [[token, identity]];
  }));
  const service = new LoginService({ ...options, authenticators: [tableOf(tokens)] }, {
    events: { record: () => {} },
    logger: new MemoryLogger(),
  });
  const login = (token: string) =>
    service.login({ token, address: "::1", connectionId: null, via: "header", claimedTenant: "acme" });
  const box = await login("t1");
  ok(box.kind === "accepted");
  const { rights, ...who } = box.login.principal;
  deepEqual(who, { subject: "box", tenant: "acme", account: "acme", expiresAtMs: null });
  ok(rights.covers("subscribe", "a.b") && rights.allows("publish", "b") && rights.allowsTunnel("20000"));
  ok(rights.allowsConnect({ agent: "x", host: "DB", port: 9 }) && !rights.isAdmin);
  equal(service.reevaluate(box.login).kind, "unchanged");
  equal((await login("t2")).kind, "refused");
});
