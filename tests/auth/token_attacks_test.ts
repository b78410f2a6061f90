import assert from "node:assert/strict";
import { createAuthenticators } from "../../src/auth/create_authenticators.ts";
import { OpenIdProvider } from "../helpers/openid_provider.ts";
import { TOKEN_ATTACKS } from "../helpers/token_attacks.ts";
import { attackWorld, NO_JWT, optionsOf, SECRET, TestPorts } from "./setup.ts";

Deno.test("Token attacks: there are many, each with a name of its own", () => {
  const names = TOKEN_ATTACKS.map(({ name, against }) => `${name} ${against}`);
  assert.ok(names.length >= 35);
  assert.equal(new Set(names).size, names.length);
});

for (const against of ["keys", "secret"] as const) {
  Deno.test(`Token attacks: none gets past the ${against}, and each is refused for its reason`, async () => {
    await using provider = new OpenIdProvider();
    const { issuer, key } = provider;
    const ports = new TestPorts();
    const options = against === "keys"
      ? { oidc: { issuer, audience: "hub" } }
      : { jwt: { ...NO_JWT, secret: SECRET, issuer, audiences: ["hub"] } };
    const authenticators = createAuthenticators(optionsOf(options), ports);
    const world = attackWorld(against, { key, issuer });
    const attacks = TOKEN_ATTACKS.filter((attack) => (attack.against ?? against) === against);
    assert.ok(attacks.length > 60);
    for (const { name, make, expected } of attacks) {
      const good = await authenticators.authenticate(world.sign(world.claims));
      assert.equal(good.kind, "accepted");
      // Beyond the pause after a search for an unknown key.
      if (expected === "unknown") ports.pass(10_000);
      const answer = await authenticators.authenticate(make(world));
      assert.deepEqual(answer, { kind: "refused", reason: expected }, name);
    }
    assert.deepEqual(ports.events.failedChecks, []);
  });
}
