/** Client certificates at the door of a real hub, TLS 1.2 and 1.3: who is let past it, and who is not. */
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { CLIENT, SERVER, TestCertificate } from "../helpers/client_certificates.ts";
import { MutualScene, TOKEN, VERSIONS } from "../helpers/mutual_tls.ts";
import { upgradeRequest } from "../helpers/raw_client.ts";
import { openSession } from "../helpers/tickets.ts";

const withToken = (token: string) => upgradeRequest({ fields: { "Authorization": `Bearer ${token}` } });

/** A certificate that is no good, and what is said of it. */
interface Attack {
  readonly name: string;
  readonly fault: string;
  /** What the client shows, for a hub that believes `authority` and denies {@link DENIED} and {@link STOLEN}. */
  readonly shown: (authority: TestCertificate) => Promise<{ cert: string; key: string }>;
}

const DENIED = "0A:0B:0C:0D";

const ATTACKS: readonly Attack[] = [
  { name: "expired", fault: "expired", shown: (by) => TestCertificate.make({ by, from: -2, until: -1 }) },
  { name: "not yet valid", fault: "not_yet_valid", shown: (by) => TestCertificate.make({ by, from: 0.5 }) },
  { name: "of a server", fault: "usage", shown: (by) => TestCertificate.make({ by, purposes: [SERVER] }) },
  { name: "for nothing", fault: "usage", shown: (by) => TestCertificate.make({ by, purposes: null }) },
  { name: "signed by itself", fault: "untrusted", shown: () => TestCertificate.make() },
  {
    name: "signed by an authority of the same name",
    fault: "untrusted",
    shown: async () => {
      const impostor = await TestCertificate.authority();
      return (await TestCertificate.make({ by: impostor })).shownWith(impostor);
    },
  },
  {
    name: "signed by another client",
    fault: "untrusted",
    shown: async (by) => {
      const middle = await TestCertificate.make({ name: "mallory", by, purposes: [CLIENT] });
      return (await TestCertificate.make({ by: middle })).shownWith(middle);
    },
  },
  { name: "denied", fault: "denied", shown: (by) => TestCertificate.make({ by, serial: "0a0b0c0d" }) },
  {
    name: "with a long chain",
    fault: "chain_too_long",
    shown: async (by) => {
      const middles = Array.from({ length: 40 }, () => TestCertificate.authority({ name: "middle", by }));
      return (await TestCertificate.make({ by })).shownWith(...await Promise.all(middles));
    },
  },
];

for (const version of VERSIONS) {
  Deno.test(`Client certificates: one that is good logs in, none does not (${version})`, async () => {
    await using scene = await MutualScene.start();
    const alice = await TestCertificate.make({ by: scene.authority });
    assert.equal(await scene.knock({ version, client: alice }), 101);
    assert.equal(await scene.knock({ version }), 401);
    assert.equal(await scene.knock({ version, request: withToken(TOKEN) }), 101);
  });

  Deno.test(`Client certificates: where one is required, none gets past the door, token or not (${version})`, async () => {
    await using scene = await MutualScene.start({ required: true });
    const alice = await TestCertificate.make({ by: scene.authority });
    assert.equal(await scene.knock({ version, client: alice }), 101);
    assert.equal(await scene.knock({ version }), null);
    assert.equal(await scene.knock({ version, request: withToken(TOKEN) }), null);
    await scene.hub.metricBecomes('trunkline_client_certificates_refused_total{reason="missing"}', 2);
    assert.equal(
      await scene.hub.metric('trunkline_connections_refused_total{reason="client_certificate"}'),
      2,
    );
    assert.equal(await scene.hub.metric("trunkline_tls_handshake_errors_total"), 0);
    assert.equal(await scene.hub.metric('trunkline_security_events_total{kind="login_refused"}'), 2);
  });

  for (const required of [true, false]) {
    const where = `${required ? "required" : "optional"}, ${version}`;
    Deno.test(`Client certificates: one that is no good is refused, with a token too (${where})`, async (t) => {
      await using scene = await MutualScene.start({ required, settings: [`hub.tls.deny=["${DENIED}"]`] });
      for (const { name, fault, shown } of ATTACKS) {
        await t.step(name, async () => {
          const client = await shown(scene.authority);
          const before = await scene.refused(fault);
          assert.equal(await scene.knock({ version, client }), null);
          assert.equal(await scene.knock({ version, client, request: withToken(TOKEN) }), null);
          assert.equal(await scene.refused(fault), before + 2);
        });
      }
    });
  }

  Deno.test(`Client certificates: one is denied by its fingerprint, others of its authority are not (${version})`, async () => {
    const authority = await TestCertificate.authority();
    const [alice, other] = [
      await TestCertificate.make({ by: authority }),
      await TestCertificate.make({ by: authority }),
    ];
    const settings = [`hub.tls.deny=["${alice.x509.fingerprint256}"]`];
    await using scene = await MutualScene.start({ authorities: [authority], settings });
    assert.equal(await scene.knock({ version, client: alice }), null);
    assert.equal(await scene.refused("denied"), 1);
    assert.equal(await scene.knock({ version, client: other }), 101);
  });

  Deno.test(`Client certificates: one with authorities between, and one of each of two authorities (${version})`, async () => {
    const authorities = [await TestCertificate.authority(), await TestCertificate.authority()];
    await using scene = await MutualScene.start({ authorities });
    for (const authority of authorities) {
      const middle = await TestCertificate.authority({ name: "middle", by: authority });
      const below = await TestCertificate.authority({ name: "below", by: middle });
      const client = (await TestCertificate.make({ by: below })).shownWith(below, middle);
      assert.equal(await scene.knock({ version, client }), 101);
    }
  });

  Deno.test(`Client certificates: nobody shows one whose key he has not (${version}) (needs openssl)`, async () => {
    await using scene = await MutualScene.start();
    const alice = await TestCertificate.make({ by: scene.authority });
    const cert = await scene.write("alice.pem", alice.cert);
    const key = await scene.write("alice.key", alice.key);
    const forged = await scene.write("forged.key", forgedKey(alice, await TestCertificate.make()));
    const { port } = scene.hub;
    assert.deepEqual(await openSession({ port, version, client: { cert, key } }), {
      isResumed: false,
      status: 101,
    });
    assert.equal((await openSession({ port, version, client: { cert, key: forged } })).status, null);
    await scene.hub.metricBecomes("trunkline_tls_handshake_errors_total", 1);
  });
}

Deno.test("Client certificates: a token that is shown beside one goes before it, also when it is no good", async () => {
  await using scene = await MutualScene.start();
  const client = await TestCertificate.make({ by: scene.authority });
  assert.equal(await scene.knock({ client, request: withToken("a-token-that-nobody-knows") }), 401);
  assert.equal(await scene.knock({ client, request: withToken(TOKEN) }), 101);
  assert.equal(await scene.hub.metric('trunkline_security_events_total{kind="login_accepted"}'), 1);
});

Deno.test("Client certificates: one that stands for nobody is good for the door alone", async () => {
  await using scene = await MutualScene.start({ required: true });
  const client = await TestCertificate.make({ name: "nobody", by: scene.authority });
  assert.equal(await scene.knock({ client }), 401);
  assert.equal(await scene.knock({ client, request: withToken(TOKEN) }), 101);
  assert.equal(
    await scene.knock({ client, request: "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" }),
    200,
  );
});

/** The private key of one in the file of another's public key: programs take it for the other's. */
function forgedKey(victim: TestCertificate, thief: TestCertificate): string {
  const { d } = createPrivateKey(thief.key).export({ format: "jwk" });
  const { x, y } = createPrivateKey(victim.key).export({ format: "jwk" });
  const bytes = (text: unknown) => Uint8Array.fromBase64(String(text), { alphabet: "base64url" });
  const curve = [0xa0, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
  const point = [0xa1, 68, 3, 66, 0, 4, ...bytes(x), ...bytes(y)];
  const inner = [2, 1, 1, 4, 32, ...bytes(d), ...curve, ...point];
  const der = new Uint8Array([0x30, inner.length, ...inner]);
  return `-----BEGIN EC PRIVATE KEY-----\n${der.toBase64()}\n-----END EC PRIVATE KEY-----\n`;
}
