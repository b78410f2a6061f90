import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { connect } from "node:tls";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { createDevelopmentCertificates } from "../../src/cli/dev_certificates.ts";
import { TlsGate } from "../../src/link/gated_socket.ts";
import { type ReloadedTls, TlsStore } from "../../src/server/tls_store.ts";
import { FakeTime } from "../helpers/fake_time.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";

const DAY_MS = 24 * 3600 * 1000;

/** Certificates of one authority in files that change. */
class Files implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "trunkline-tls-" });
  readonly settings: ReloadedTls = {
    cert: join(this.folder, "cert.pem"),
    key: join(this.folder, "key.pem"),
    min_version: "1.2",
    sni: [],
    reload: { auto: true, interval: DAY_MS },
  };

  put(name: "cert" | "key", text: string): void {
    Deno.writeTextFileSync(join(this.folder, "next"), text);
    Deno.renameSync(join(this.folder, "next"), join(this.folder, `${name}.pem`));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function pairs(count: number, days = 90) {
  const hosts = ["localhost"];
  return Promise.all(Array.from({ length: count }, async () => {
    const { server } = await createDevelopmentCertificates({ hosts, days });
    return server;
  }));
}

/** The certificate that the next handshake shows, in PEM as it was written. */
async function shownBy(store: TlsStore): Promise<string> {
  const { options } = store;
  assert.ok(options !== null);
  const accepted = Promise.withResolvers<Socket>();
  const listener = createServer((raw) => {
    raw.on("error", () => {});
    const { socket } = TlsGate.server(raw, options);
    socket.on("error", () => {});
    accepted.resolve(raw);
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  assert.ok(typeof address === "object" && address !== null);
  const client = connect({ port: address.port, host: "127.0.0.1", rejectUnauthorized: false });
  await once(client, "secureConnect");
  const { raw } = client.getPeerCertificate();
  client.destroy();
  (await accepted.promise).destroy();
  await new Promise<void>((closed) => listener.close(() => closed()));
  return Buffer.from(raw).toString("base64");
}

function bodyOf(pem: string): string {
  return pem.replace(/-----[A-Z ]+-----|\s/g, "");
}

Deno.test("TlsStore: new files are shown to the next handshake, and of no use they leave the old ones", async () => {
  const [first, second] = await pairs(2);
  assert.ok(first !== undefined && second !== undefined);
  using files = new Files();
  files.put("cert", first.certPem);
  files.put("key", first.keyPem);
  const logger = new MemoryLogger();
  const store = new TlsStore(files.settings, { door: "hub", logger });
  {
    using time = new FakeTime();
    store.start();
    files.put("cert", second.certPem);
    time.tick(1000);
    files.put("key", second.keyPem);
    time.tick(1000);
    assert.equal(store.replacements, 0, "what may be half written is not read");
    time.tick(1000);
    assert.deepEqual([store.replacements, store.failures], [1, 0]);
  }
  assert.equal(await shownBy(store), bodyOf(second.certPem));
  {
    using time = new FakeTime();
    files.put("key", first.keyPem);
    store.refresh();
    files.put("cert", "nonsense");
    store.refresh();
    Deno.removeSync(files.settings.cert ?? "");
    store.refresh();
    assert.deepEqual([store.replacements, store.failures], [1, 3]);
    time.tick(1);
  }
  assert.equal(await shownBy(store), bodyOf(second.certPem));
  const told = logger.lines.filter(({ level }) => level === "error").map(({ fields }) => `${fields.error}`);
  assert.match(told[0] ?? "", /^Cannot use hub\.tls\.key: the key in .* does not belong/);
  assert.match(told[1] ?? "", /holds no valid PEM/);
  assert.match(told[2] ?? "", /the file does not exist/);
  store.stop();
});

Deno.test("TlsStore: without a notice files are read again now and then, the same ones replace nothing", async () => {
  const [first, second] = await pairs(2);
  assert.ok(first !== undefined && second !== undefined);
  using files = new Files();
  files.put("cert", first.certPem);
  files.put("key", first.keyPem);
  using time = new FakeTime();
  const store = new TlsStore(files.settings, { door: "public", logger: new MemoryLogger() });
  store.start();
  store.refresh();
  time.tick(DAY_MS + 1);
  assert.equal(store.replacements, 0);
  const without = { ...files.settings, reload: { auto: false, interval: 1000 } };
  store.commit(store.prepare(without));
  assert.equal(store.replacements, 0);
  files.put("cert", second.certPem);
  files.put("key", second.keyPem);
  time.tick(10_000);
  assert.equal(store.replacements, 0, "nobody asked for it");
  store.refresh();
  assert.equal(store.replacements, 1);
  store.stop();
});

Deno.test("TlsStore: whose certificate ends soon is warned at the start and every day, whose has ended too", async () => {
  const [pair] = await pairs(1, 10);
  assert.ok(pair !== undefined);
  using files = new Files();
  files.put("cert", pair.certPem);
  files.put("key", pair.keyPem);
  using time = new FakeTime();
  const logger = new MemoryLogger();
  const beginMs = Date.now();
  const store = new TlsStore({ ...files.settings, reload: { auto: false, interval: DAY_MS } }, {
    door: "hub",
    logger,
    wallNow: () => beginMs + time.now(),
  });
  store.start();
  const days = () => logger.lines.map(({ fields }) => fields.days);
  assert.equal(days().length, 1);
  assert.ok([9, 10].includes(Number(days()[0])));
  time.tick(3 * DAY_MS);
  assert.equal(days().length, 4);
  time.tick(9 * DAY_MS);
  const last = logger.lines.at(-1);
  assert.match(last?.message ?? "", /no longer valid/);
  assert.ok((store.secondsLeft ?? 0) < 0);
  store.stop();
});

Deno.test("TlsStore: what replaces files between their reading and their use is used", async () => {
  const [first, second, third] = await pairs(3);
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  using files = new Files();
  const put = ({ certPem, keyPem }: typeof first) => {
    files.put("cert", certPem);
    files.put("key", keyPem);
  };
  put(first);
  const store = new TlsStore(files.settings, { door: "hub", logger: new MemoryLogger() });
  {
    using time = new FakeTime();
    store.start();
    const waiting = store.prepare(files.settings);
    put(second);
    store.commit(waiting);
    assert.equal(store.replacements, 1);
    const stale = store.prepare(files.settings);
    put(third);
    store.refresh();
    store.commit(stale);
    assert.equal(store.replacements, 2, "what was refreshed meanwhile is not undone");
    time.tick(10_000);
    assert.deepEqual([store.replacements, store.failures], [2, 0]);
  }
  assert.equal(await shownBy(store), bodyOf(third.certPem));
  store.stop();
});

Deno.test("TlsStore: what is half replaced when it comes into use is looked at until it is whole", async () => {
  const [first, second] = await pairs(2);
  assert.ok(first !== undefined && second !== undefined);
  using files = new Files();
  files.put("cert", first.certPem);
  files.put("key", first.keyPem);
  const logger = new MemoryLogger();
  const store = new TlsStore(files.settings, { door: "hub", logger });
  {
    using time = new FakeTime();
    store.start();
    const waiting = store.prepare(files.settings);
    files.put("cert", second.certPem);
    store.commit(waiting);
    assert.deepEqual([store.replacements, store.failures, logger.lines.length], [0, 0, 0]);
    time.tick(1000);
    files.put("key", second.keyPem);
    time.tick(2000);
    assert.deepEqual([store.replacements, store.failures], [1, 0]);
  }
  assert.equal(await shownBy(store), bodyOf(second.certPem));
  store.stop();
});
