/** Checks what `trunkline certs` writes, prints and refuses. */

import assert from "node:assert/strict";
import { once } from "node:events";
import * as tls from "node:tls";
import { type CertsOptions, runCerts } from "../../src/cli/certs.ts";
import { createCertificateAuthority, validForDays } from "../../src/cli/dev_certificates.ts";

const names = ["ca-key.pem", "ca.pem", "client-key.pem", "client.pem", "server-key.pem", "server.pem"];

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(`${folder}/certs`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function certs(options: CertsOptions) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCerts(options, { out: (line) => out.push(line), err: (line) => err.push(line) });
  return { code, out, err, text: out.join("\n") };
}

async function readAll(folder: string): Promise<Record<string, string>> {
  const texts = await Promise.all(
    names.map(async (name) => [name, await Deno.readTextFile(`${folder}/${name}`)]),
  );
  return Object.fromEntries(texts);
}

function changedNames(before: Record<string, string>, after: Record<string, string>): string[] {
  return names.filter((name) => before[name] !== after[name]);
}

Deno.test("runCerts: writes six files, keys for their owner only", async () => {
  await withFolder(async (folder) => {
    const { code, err } = await certs({ out: folder });
    assert.deepEqual([code, err], [0, []]);
    const written = [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
    assert.deepEqual(written, names);
    if (Deno.build.os === "windows") return;
    for (const name of names) {
      const { mode } = await Deno.stat(`${folder}/${name}`);
      if (name.includes("key")) assert.equal((mode ?? 0) & 0o777, 0o600, name);
    }
  });
});

Deno.test("runCerts: a server with the written files is reached by a client that trusts ca.pem", async () => {
  await withFolder(async (folder) => {
    await certs({ out: folder });
    const files = await readAll(folder);
    const server = tls.createServer({
      cert: files["server.pem"],
      key: files["server-key.pem"],
      ca: files["ca.pem"],
      requestCert: true,
      rejectUnauthorized: true,
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    server.on("secureConnection", (socket) => socket.end(`hello ${socket.getPeerCertificate().subject.CN}`));
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    const client = tls.connect({
      host: "127.0.0.1",
      port: address.port,
      servername: "localhost",
      ca: files["ca.pem"],
      cert: files["client.pem"],
      key: files["client-key.pem"],
    });
    const [greeting] = await once(client, "data");
    assert.equal(String(greeting), "hello trunkline-client");
    client.destroy();
    await once(client, "close");
    await new Promise((resolve) => server.close(resolve));
  });
});

Deno.test("runCerts: prints what to configure, what to try and what to trust", async () => {
  await withFolder(async (folder) => {
    const { text } = await certs({ out: folder, hosts: ["*.dev.example", "::1"] });
    const set = `--set 'hub.tls={cert: ${folder}/server.pem, key: ${folder}/server-key.pem}'`;
    for (
      const part of [set, `--cacert ${folder}/ca.pem https://[::1]:8443/`, "DENO_CERT", "NODE_EXTRA_CA_CERTS"]
    ) {
      assert.ok(text.includes(part), part);
    }
    assert.doesNotMatch(text, /BEGIN|PRIVATE KEY/);
  });
});

Deno.test("runCerts: paths with spaces are quoted for YAML and the shell", async () => {
  await withFolder(async (folder) => {
    const { text } = await certs({ out: `${folder} of mine` });
    assert.ok(text.includes(`--set 'hub.tls={cert: "${folder} of mine/server.pem", key:`));
    assert.ok(text.includes(`curl --cacert '${folder} of mine/ca.pem'`));
  });
});

Deno.test("runCerts: --json prints one object with paths, ends and fingerprints", async () => {
  await withFolder(async (folder) => {
    const { out } = await certs({ out: folder, days: 30, json: true, quiet: true });
    assert.equal(out.length, 1);
    const result = JSON.parse(out[0] ?? "");
    assert.deepEqual(Object.keys(result), ["ca", "server", "client"]);
    assert.equal(result.server.cert, `${folder}/server.pem`);
    assert.equal(result.client.key, `${folder}/client-key.pem`);
    assert.equal(result.ca.new, true);
    assert.match(result.server.fingerprint_sha256, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    const daysLeft = (Date.parse(result.server.expires) - Date.now()) / 86_400_000;
    assert.ok(daysLeft > 29 && daysLeft <= 30);
  });
});

Deno.test("runCerts: --quiet prints nothing", async () => {
  await withFolder(async (folder) => {
    assert.deepEqual(await certs({ out: folder, quiet: true }), { code: 0, out: [], err: [], text: "" });
  });
});

Deno.test("runCerts: replaces nothing without --force", async () => {
  await withFolder(async (folder) => {
    await certs({ out: folder });
    const before = await readAll(folder);
    const { code, err } = await certs({ out: folder });
    assert.equal(code, 1);
    assert.match(err[0] ?? "", /^Cannot write .*server-key\.pem: it is already there; .*--force/);
    assert.deepEqual(changedNames(before, await readAll(folder)), []);
    assert.equal((await certs({ out: folder, newCa: true })).code, 1);
    assert.deepEqual(changedNames(before, await readAll(folder)), []);
  });
});

Deno.test("runCerts: --force keeps the CA, --new-ca with it does not", async () => {
  await withFolder(async (folder) => {
    await certs({ out: folder });
    const first = await readAll(folder);
    assert.ok((await certs({ out: folder, force: true })).text.includes("CA (kept)"));
    const second = await readAll(folder);
    assert.deepEqual(changedNames(first, second), names.filter((name) => !name.startsWith("ca")));
    assert.equal((await certs({ out: folder, force: true, newCa: true })).code, 0);
    assert.deepEqual(changedNames(second, await readAll(folder)), names);
    assert.equal([...Deno.readDirSync(folder)].length, names.length);
  });
});

Deno.test("runCerts: --force takes a key away from a file that others could read", async () => {
  if (Deno.build.os === "windows") return;
  await withFolder(async (folder) => {
    await certs({ out: folder });
    await Deno.chmod(`${folder}/server-key.pem`, 0o644);
    await certs({ out: folder, force: true });
    assert.equal(((await Deno.stat(`${folder}/server-key.pem`)).mode ?? 0) & 0o777, 0o600);
  });
});

Deno.test("runCerts: a CA that lost its key or expired is an error that names the way out", async () => {
  await withFolder(async (folder) => {
    await certs({ out: folder });
    await Deno.remove(`${folder}/ca-key.pem`);
    const lost = await certs({ out: folder, force: true });
    assert.equal(lost.code, 1);
    assert.match(lost.err[0] ?? "", /ca-key\.pem is missing; .*--new-ca/);
    const validity = { notBefore: new Date(0), notAfter: new Date(1e12) };
    const expired = await createCertificateAuthority({ validity });
    await Deno.writeTextFile(`${folder}/ca.pem`, expired.certPem);
    await Deno.writeTextFile(`${folder}/ca-key.pem`, expired.keyPem);
    const old = await certs({ out: folder, force: true });
    assert.equal(old.code, 1);
    assert.match(old.err[0] ?? "", /expired/);
  });
});

Deno.test("runCerts: goes on with a CA that somebody else put there", async () => {
  await withFolder(async (folder) => {
    const ca = await createCertificateAuthority({ validity: validForDays(100) });
    await Deno.mkdir(folder);
    await Deno.writeTextFile(`${folder}/ca.pem`, ca.certPem);
    await Deno.writeTextFile(`${folder}/ca-key.pem`, ca.keyPem);
    assert.equal((await certs({ out: folder })).code, 0);
    assert.equal((await readAll(folder))["ca.pem"], ca.certPem);
  });
});

Deno.test("runCerts: wrong usage is exit code 2 and writes nothing", async () => {
  await withFolder(async (folder) => {
    const wrong: CertsOptions[] = [{ hosts: ["a b"] }, { hosts: [] }, { days: 0 }, { days: 1.5 }, {
      clientName: "",
    }];
    for (const options of wrong) {
      const { code, out, err } = await certs({ ...options, out: folder });
      assert.equal(code, 2);
      assert.deepEqual(out, []);
      assert.match(err.join("\n"), /^Cannot make /);
    }
    await assert.rejects(Deno.stat(folder), Deno.errors.NotFound);
  });
});

Deno.test("runCerts: a folder that cannot be made is exit code 1", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(folder, "a file");
    const { code, err } = await certs({ out: folder });
    assert.equal(code, 1);
    assert.match(err[0] ?? "", /^Cannot /);
  });
});
