/** Checks the development certificates with real TLS handshakes. */

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { isIP, type Socket } from "node:net";
import * as tls from "node:tls";
import {
  type CertificatePair,
  createCertificateAuthority,
  createDevelopmentCertificates,
  describeCertificate,
  issueClientCertificate,
  issueServerCertificate,
  validForDays,
} from "../../src/cli/dev_certificates.ts";
import { TrunklineError } from "../../src/core/errors.ts";

interface Handshake {
  readonly server: CertificatePair;
  readonly trusted: CertificatePair;
  readonly host?: string;
  /** Asks for a client certificate of this authority. */
  readonly clientCa?: CertificatePair;
  readonly client?: CertificatePair;
}

/** Makes one connection; gives what the server knows of the client, or throws what the client saw. */
async function shakeHands({ server, trusted, host = "localhost", clientCa, client }: Handshake) {
  const listener = tls.createServer({
    cert: server.certPem,
    key: server.keyPem,
    ...(clientCa === undefined ? {} : { ca: clientCa.certPem, requestCert: true, rejectUnauthorized: false }),
  });
  const address = isIP(host) === 0 ? "127.0.0.1" : host;
  listener.listen(0, address);
  await once(listener, "listening");
  listener.on("tlsClientError", () => {});
  const rawSockets: Socket[] = [];
  listener.on("connection", (raw: Socket) => rawSockets.push(raw));
  const accepted = Promise.withResolvers<{ authorized: boolean; commonName: unknown; altName: unknown }>();
  listener.on("secureConnection", (socket) => {
    const peer = socket.getPeerCertificate();
    accepted.resolve({
      authorized: socket.authorized,
      commonName: peer?.subject?.CN,
      altName: peer?.subjectaltname,
    });
    socket.on("error", () => {});
    socket.end();
  });
  const bound = listener.address();
  assert.ok(typeof bound === "object" && bound !== null);
  const socket = tls.connect({
    host: address,
    port: bound.port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ca: trusted.certPem,
    ...(client === undefined ? {} : { cert: client.certPem, key: client.keyPem }),
  });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  try {
    await once(socket, "secureConnect");
    return await accepted.promise;
  } finally {
    socket.destroy();
    await closed;
    for (const raw of rawSockets) raw.destroy();
    await new Promise((resolve) => listener.close(resolve));
  }
}

const hosts = ["localhost", "127.0.0.1", "::1", "*.hub.example"];

Deno.test("createDevelopmentCertificates: a client that trusts the CA connects by name, address and wildcard", async () => {
  const { ca, server } = await createDevelopmentCertificates({ hosts, days: 30 });
  for (const host of ["localhost", "127.0.0.1", "a.hub.example"]) {
    await shakeHands({ server, trusted: ca, host });
  }
  // Not over the network, since IPv6 is off on some machines.
  assert.equal(new X509Certificate(server.certPem).checkIP("::1"), "::1");
});

Deno.test("createDevelopmentCertificates: a host that is not in the certificate is refused", async () => {
  const { ca, server } = await createDevelopmentCertificates({ hosts, days: 30 });
  for (const host of ["other.example", "hub.example", "a.b.hub.example"]) {
    await assert.rejects(shakeHands({ server, trusted: ca, host }), /certificate/);
  }
  const elsewhere = await createDevelopmentCertificates({ hosts: ["localhost", "10.0.0.1"], days: 30, ca });
  await assert.rejects(
    shakeHands({ server: elsewhere.server, trusted: ca, host: "127.0.0.1" }),
    /certificate/,
  );
});

Deno.test("createDevelopmentCertificates: a client that trusts another CA refuses", async () => {
  const { server } = await createDevelopmentCertificates({ hosts, days: 30 });
  await assert.rejects(shakeHands({ server, trusted: await createCertificateAuthority() }), /certificate/);
});

Deno.test("createDevelopmentCertificates: the client certificate is accepted and carries its name", async () => {
  const { ca, server, client } = await createDevelopmentCertificates({
    hosts,
    days: 30,
    clientName: "spoke 1",
  });
  assert.deepEqual(await shakeHands({ server, trusted: ca, clientCa: ca, client }), {
    authorized: true,
    commonName: "spoke 1",
    altName: "URI:urn:trunkline:client:spoke%201",
  });
});

Deno.test("createDevelopmentCertificates: a client certificate of another CA is not authorized", async () => {
  const { ca, server } = await createDevelopmentCertificates({ hosts, days: 30 });
  const stranger = await createCertificateAuthority();
  const client = await issueClientCertificate(stranger, { name: "spoke", validity: validForDays(1) });
  assert.equal((await shakeHands({ server, trusted: ca, clientCa: ca, client })).authorized, false);
});

Deno.test("createDevelopmentCertificates: a client certificate does not serve, a server certificate does not log in", async () => {
  const { ca, server, client } = await createDevelopmentCertificates({ hosts, days: 30 });
  await assert.rejects(shakeHands({ server: client, trusted: ca }), /certificate/);
  const outcome = await shakeHands({ server, trusted: ca, clientCa: ca, client: server })
    .then(({ authorized }) => authorized, () => false);
  assert.equal(outcome, false);
});

Deno.test("issueServerCertificate: expired and not yet valid certificates can be made, and are refused", async () => {
  const ca = await createCertificateAuthority();
  const day = (offset: number) => new Date(Date.now() + offset * 86_400_000);
  for (const [from, to] of [[-3, -1], [1, 3]] as const) {
    const validity = { notBefore: day(from), notAfter: day(to) };
    const server = await issueServerCertificate(ca, { hosts, validity });
    await assert.rejects(shakeHands({ server, trusted: ca }), /certificate/);
  }
});

Deno.test("createDevelopmentCertificates: an existing CA is used again and still trusted", async () => {
  const first = await createDevelopmentCertificates({ hosts, days: 30 });
  const second = await createDevelopmentCertificates({ hosts: ["hub.example"], days: 30, ca: first.ca });
  assert.equal(second.ca, first.ca);
  await shakeHands({ server: second.server, trusted: first.ca, host: "hub.example" });
});

Deno.test("createDevelopmentCertificates: certificates end with their CA at the latest", async () => {
  const ca = await createCertificateAuthority({ validity: validForDays(10) });
  const { server } = await createDevelopmentCertificates({ hosts, days: 30, ca });
  const [caEnd, serverEnd] = await Promise.all([ca, server].map((pair) => describeCertificate(pair.certPem)));
  assert.deepEqual(serverEnd?.notAfter, caEnd?.notAfter);
});

Deno.test("createDevelopmentCertificates: the whole validity is as many days as asked for", async () => {
  const { notBefore, notAfter } = validForDays(825);
  assert.equal(notAfter.getTime() - notBefore.getTime(), 825 * 86_400_000);
  assert.ok(notBefore.getTime() < Date.now());
  const { server } = await createDevelopmentCertificates({ hosts, days: 825 });
  const left = (await describeCertificate(server.certPem)).notAfter.getTime() - Date.now();
  assert.ok(left > 824 * 86_400_000 && left < 825 * 86_400_000);
});

Deno.test("createDevelopmentCertificates: an authority that cannot sign is an error", async () => {
  const [ca, other] = await Promise.all([createCertificateAuthority(), createCertificateAuthority()]);
  const { server } = await createDevelopmentCertificates({ hosts, days: 30, ca });
  const past = { notBefore: new Date(Date.now() - 9e8), notAfter: new Date(Date.now() - 1e8) };
  const unfit: [string, CertificatePair][] = [
    ["key of another", { certPem: ca.certPem, keyPem: other.keyPem }],
    ["not a CA", server],
    ["expired", await createCertificateAuthority({ validity: past })],
    ["no certificate", { certPem: "nothing", keyPem: ca.keyPem }],
    ["no key", { certPem: ca.certPem, keyPem: "nothing" }],
  ];
  for (const [name, pair] of unfit) {
    await assert.rejects(
      createDevelopmentCertificates({ hosts, days: 30, ca: pair }),
      (error) => error instanceof TrunklineError && error.code === "certificate_invalid",
      name,
    );
  }
});

Deno.test("createDevelopmentCertificates: names that no certificate can carry are refused", async () => {
  const isUsageError = (error: unknown) => error instanceof TrunklineError && error.code === "usage";
  for (
    const host of ["", "a b", "x/y", "hub:8443", "*", "a.*.b", `${"a".repeat(64)}.example`, "1.2.3.4.5/6"]
  ) {
    await assert.rejects(createDevelopmentCertificates({ hosts: [host], days: 1 }), isUsageError, host);
  }
  await assert.rejects(createDevelopmentCertificates({ hosts: [], days: 1 }), isUsageError);
  for (const clientName of ["", "x".repeat(65)]) {
    await assert.rejects(createDevelopmentCertificates({ hosts, days: 1, clientName }), isUsageError);
  }
});

Deno.test("createDevelopmentCertificates: fingerprints and serials differ from one certificate to the next", async () => {
  const validity = validForDays(1);
  const ca = await createCertificateAuthority();
  const pairs = await Promise.all([1, 2, 3].map(() => issueServerCertificate(ca, { hosts, validity })));
  const fingerprints = await Promise.all(pairs.map((pair) => describeCertificate(pair.certPem)));
  assert.equal(new Set(fingerprints.map(({ fingerprint }) => fingerprint)).size, 3);
  for (const { fingerprint } of fingerprints) assert.match(fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
});
