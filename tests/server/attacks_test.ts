/** Attacks over the wire, against a real hub: each is refused, with the code that it has to be. */
import assert from "node:assert/strict";
import { WsClient } from "../helpers/ws_client.ts";
import { TRANSPORTS } from "../broker/broker_client.ts";
import { DOOR_ATTACKS, URL_ATTACKS } from "./attacks/door_attacks.ts";
import { EXPIRY_ATTACKS, LATE_ATTACKS, REVOCATION_ATTACKS, SHORT_LOGIN } from "./attacks/lifetime_attacks.ts";
import { BEHIND_PROXY, LOCKOUT_ATTACKS } from "./attacks/lockout_attacks.ts";
import { rightAttacks } from "./attacks/right_attacks.ts";
import { AttackScene, knock, runAttacks, TOKENS } from "./attacks/scene.ts";
import { OPEN_RELAY, OPEN_RELAY_ATTACKS, QUERY_ATTACKS, QUERY_TOKEN } from "./attacks/setting_attacks.ts";
import { TENANT_ATTACKS } from "./attacks/tenant_attacks.ts";
import { goodToken, tokenAttacks, WAYS } from "./attacks/token_attacks.ts";

/** Beside those by token: what must not become fewer without anybody noticing. */
const LEAST = 250;

Deno.test("Attacks over the wire: there are many", () => {
  const tables = [
    DOOR_ATTACKS,
    URL_ATTACKS,
    ...TRANSPORTS.map(rightAttacks),
    TENANT_ATTACKS,
    LATE_ATTACKS,
    REVOCATION_ATTACKS,
    EXPIRY_ATTACKS,
    LOCKOUT_ATTACKS,
    QUERY_ATTACKS,
    OPEN_RELAY_ATTACKS,
  ];
  assert.ok(tables.flat().length >= LEAST, `${tables.flat().length}`);
});

Deno.test("Attacks on the handshake are refused", async (t) => {
  await using scene = await AttackScene.start();
  await runAttacks(t, { scene, attacks: [...DOOR_ATTACKS, ...URL_ATTACKS] });
});

for (const against of ["keys", "secret"] as const) {
  Deno.test(`Attacks by token are refused, whatever way they come (${against})`, async () => {
    await using scene = await AttackScene.start({ believes: against });
    const attacks = tokenAttacks(scene, against);
    assert.ok(attacks.length > 60 * (WAYS.length - 1));
    for (const { name, act, expected } of attacks) assert.equal(await act(scene), expected, name);
    // So many failures, and whoever has a good token is let in all the same.
    await using client = await scene.connect("text", { token: goodToken(scene, against) });
    assert.equal((await client.request("system.heartbeat")).status, "success");
  });
}

for (const transport of TRANSPORTS) {
  for (const isEncrypted of [false, true]) {
    Deno.test(`Attacks on rights are refused (${transport}${isEncrypted ? ", TLS" : ""})`, async (t) => {
      await using scene = await AttackScene.start({ isEncrypted });
      await runAttacks(t, { scene, attacks: rightAttacks(transport) });
    });
  }
}

Deno.test("Attacks across tenants and identities are refused", async (t) => {
  await using scene = await AttackScene.start();
  await runAttacks(t, { scene, attacks: TENANT_ATTACKS });
});

Deno.test("Attacks of those who never log in end with 4401", async (t) => {
  await using scene = await AttackScene.start({ set: SHORT_LOGIN });
  await runAttacks(t, { scene, attacks: LATE_ATTACKS });
});

Deno.test("Attacks with logins that ran out or were taken back are refused", async (t) => {
  await using scene = await AttackScene.start();
  await runAttacks(t, { scene, attacks: [...REVOCATION_ATTACKS, ...EXPIRY_ATTACKS] });
});

Deno.test("Attacks of those who guess lock out themselves, and nobody else", async (t) => {
  await using scene = await AttackScene.start({ set: BEHIND_PROXY });
  await runAttacks(t, { scene, attacks: LOCKOUT_ATTACKS });
});

Deno.test("Attacks by tokens in the URL are refused where those are taken", async (t) => {
  await using scene = await AttackScene.start({ set: QUERY_TOKEN });
  await runAttacks(t, { scene, attacks: QUERY_ATTACKS });
});

Deno.test("Attacks on an open relay lead nowhere else", async (t) => {
  await using scene = await AttackScene.start({ set: OPEN_RELAY });
  await runAttacks(t, { scene, attacks: OPEN_RELAY_ATTACKS });
  // Its rooms are those of nobody's tenant, whatever token is shown there.
  await using stranger = await WsClient.connect(scene.hub.url("/relay/room"));
  await using red = await WsClient.connect(scene.hub.url("/relay/room"), { token: TOKENS.redAdmin });
  red.send("for everybody");
  assert.equal(await stranger.next(), "for everybody");
});

for (const auth of ["required", "inherit"]) {
  Deno.test(`Relay login: nobody gets in without one (relay.auth: ${auth})`, async () => {
    await using scene = await AttackScene.start({ set: [`relay.auth=${auth}`] });
    assert.equal(await knock(scene, []), "401");
    await using client = await WsClient.connect(scene.hub.url("/relay"), { token: TOKENS.reader });
    client.send("in");
    assert.equal(await client.next(), "in");
  });
}
