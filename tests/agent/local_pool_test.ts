/** Connections to a local service that are kept between exchanges. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import {
  LocalConnection,
  LocalPool,
  type LocalPoolOptions,
  type LocalUser,
  type PoolFailure,
} from "../../src/agent/local_pool.ts";
import { Flusher } from "../../src/link/flusher.ts";
import { freePort } from "../helpers/free_port.ts";
import { TcpService } from "../helpers/tcp_echo.ts";

const LONG_MS = 60_000;

/** A pool that is closed with its scope, and the sockets that its service got. */
class PoolScene implements AsyncDisposable {
  readonly pool: LocalPool;
  readonly #service: TcpService;

  private constructor(service: TcpService, pool: LocalPool) {
    this.#service = service;
    this.pool = pool;
  }

  static async start(options: Partial<LocalPoolOptions> = {}): Promise<PoolScene> {
    const service = await TcpService.start((socket) => void socket.on("end", () => socket.end()).resume());
    return new PoolScene(service, poolOf({ port: service.port, ...options }));
  }

  async lend(): Promise<LocalConnection> {
    return connectionOf(await this.pool.lend());
  }

  /** The end of the service of the connection that it has longest. */
  async served(): Promise<Socket> {
    for (;;) {
      const [socket] = this.#service.sockets;
      if (socket !== undefined) return socket;
      await new Promise((passed) => setImmediate(passed));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.pool.close();
    await this.#service[Symbol.asyncDispose]();
  }
}

function poolOf(options: Partial<LocalPoolOptions> & { readonly port: number }): LocalPool {
  return new LocalPool({
    host: "127.0.0.1",
    tls: null,
    maxConnections: 2,
    idleTimeoutMs: LONG_MS,
    connectTimeoutMs: LONG_MS,
    flusher: new Flusher(1024),
    ...options,
  });
}

/** The ends of connections, watched from when they were lent first. */
const ends = new WeakMap<LocalConnection, Promise<void>>();

function connectionOf(lent: LocalConnection | PoolFailure): LocalConnection {
  assert.ok(lent instanceof LocalConnection, JSON.stringify(lent));
  if (!ends.has(lent)) {
    const { promise, resolve } = Promise.withResolvers<void>();
    lent.link.socket.once("close", () => resolve());
    ends.set(lent, promise);
  }
  return lent;
}

/** Until a connection is gone. */
async function closed(connection: LocalConnection): Promise<void> {
  await ends.get(connection);
}

/** Gives it back as one that cannot be used, and waits for its end. */
async function waste(pool: LocalPool, connection: LocalConnection): Promise<void> {
  pool.giveBack(connection, false);
  await closed(connection);
}

/** Remembers what it was told. */
class Told implements LocalUser {
  readonly words: string[] = [];
  readonly over = Promise.withResolvers<void>();

  heard(chunk: Uint8Array): void {
    this.words.push(new TextDecoder().decode(chunk));
  }

  ended(): void {
    this.words.push("ended");
  }

  gone(): void {
    this.words.push("gone");
    this.over.resolve();
  }
}

Deno.test("LocalPool: a connection is used again, the newest first, unless it has to be fresh", async () => {
  await using scene = await PoolScene.start({ maxConnections: 3 });
  const { pool } = scene;
  assert.equal(pool.lendIdle(), undefined);
  const [one, other] = [await scene.lend(), await scene.lend()];
  assert.deepEqual([one.isUsed, pool.size], [false, 2]);
  pool.giveBack(one, true);
  pool.giveBack(other, true);
  const fresh = connectionOf(await pool.lend({ fresh: true }));
  assert.ok(fresh !== one && fresh !== other && pool.size === 3);
  assert.equal(await scene.lend(), other);
  assert.equal(pool.lendIdle(), one);
  assert.equal(one.isUsed, true);
  for (const connection of [one, other, fresh]) await waste(pool, connection);
  assert.equal(pool.size, 0);
});

Deno.test("LocalPool: who finds all in use waits for the next one, in turn", async () => {
  await using scene = await PoolScene.start({ maxConnections: 1 });
  const { pool } = scene;
  const first = await scene.lend();
  const order: string[] = [];
  const second = pool.lend().then((lent) => {
    order.push("second");
    return connectionOf(lent);
  });
  const third = pool.lend().then((lent) => {
    order.push("third");
    return connectionOf(lent);
  });
  pool.giveBack(first, true);
  assert.equal(await second, first);
  // What cannot be used makes room for a new one.
  pool.giveBack(first, false);
  const last = await third;
  assert.ok(last !== first && !last.isUsed);
  assert.deepEqual([order, pool.size], [["second", "third"], 1]);
  await waste(pool, last);
});

Deno.test("LocalPool: who waits too long, or finds nobody, is told so", async () => {
  await using scene = await PoolScene.start({ maxConnections: 1, connectTimeoutMs: 30 });
  const { pool } = scene;
  const only = await scene.lend();
  assert.deepEqual(await pool.lend(), { kind: "late" });
  await waste(pool, only);
  const nobody = poolOf({ port: freePort() });
  assert.deepEqual(await nobody.lend(), { kind: "refused", detail: "ECONNREFUSED" });
  assert.equal(nobody.size, 0);
});

Deno.test("LocalPool: a service that accepts and does not speak TLS is late", async () => {
  await using scene = await PoolScene.start({
    tls: { ca: null, client: null, verify: false, minVersion: "1.2" },
    connectTimeoutMs: 50,
  });
  assert.deepEqual(await scene.pool.lend(), { kind: "late" });
  assert.equal(scene.pool.size, 0);
});

Deno.test("LocalPool: an idle connection that ends, or says something, is lent no more", async () => {
  for (const end of ["end", "resetAndDestroy", "speak"] as const) {
    await using scene = await PoolScene.start();
    const connection = await scene.lend();
    scene.pool.giveBack(connection, true);
    const socket = await scene.served();
    if (end === "speak") socket.write("HTTP/1.1 408 Request Timeout\r\n\r\n");
    else socket[end]();
    await closed(connection);
    assert.deepEqual([scene.pool.lendIdle(), scene.pool.size], [undefined, 0], end);
  }
});

Deno.test("LocalPool: whoever has a connection is told what happens to it", async () => {
  await using scene = await PoolScene.start();
  const connection = await scene.lend();
  const told = new Told();
  connection.user = told;
  connection.link.resume();
  const socket = await scene.served();
  socket.write("hello");
  while (told.words.length === 0) await new Promise((passed) => setImmediate(passed));
  socket.end();
  while (told.words.length === 1) await new Promise((passed) => setImmediate(passed));
  assert.deepEqual([told.words, connection.hasEnded], [["hello", "ended"], true]);
  connection.link.socket.destroy();
  await told.over.promise;
  assert.deepEqual([told.words.at(-1), scene.pool.size], ["gone", 0]);
});

Deno.test("LocalPool: one that ended is not kept, however good its last exchange was", async () => {
  await using scene = await PoolScene.start();
  const connection = await scene.lend();
  connection.user = new Told();
  connection.link.resume();
  (await scene.served()).end();
  while (!connection.hasEnded) await new Promise((passed) => setImmediate(passed));
  scene.pool.giveBack(connection, true);
  await closed(connection);
  assert.equal(scene.pool.lendIdle(), undefined);
});

Deno.test("LocalPool: what is idle for long is closed, and what is left when the pool is", async () => {
  await using scene = await PoolScene.start({ idleTimeoutMs: 20 });
  const connection = await scene.lend();
  scene.pool.giveBack(connection, true);
  await closed(connection);
  assert.equal(scene.pool.size, 0);
  const [idle, used] = [await scene.lend(), await scene.lend()];
  scene.pool.giveBack(idle, true);
  scene.pool.close();
  await closed(idle);
  scene.pool.giveBack(used, true);
  await closed(used);
  assert.equal(scene.pool.size, 0);
});

Deno.test("LocalPool: who needs a fresh one keeps nobody from what is idle, and is next to make one", async () => {
  await using scene = await PoolScene.start();
  const { pool } = scene;
  const [one, other] = [await scene.lend(), await scene.lend()];
  const fresh = pool.lend({ fresh: true });
  const [second, third] = [pool.lend(), pool.lend()];
  pool.giveBack(one, true);
  assert.equal(await second, one);
  // What cannot be used makes room for the one who waits longest.
  pool.giveBack(other, false);
  const made = connectionOf(await fresh);
  assert.ok(made !== one && made !== other && !made.isUsed);
  pool.giveBack(made, true);
  assert.equal(await third, made);
  for (const connection of [one, made]) await waste(pool, connection);
  assert.equal(pool.size, 0);
});

Deno.test("LocalPool: what is idle makes room for those who need a fresh one", async () => {
  await using scene = await PoolScene.start();
  const { pool } = scene;
  const [one, other] = [await scene.lend(), await scene.lend()];
  const waiting = [pool.lend({ fresh: true }), pool.lend({ fresh: true })];
  pool.giveBack(one, true);
  await closed(one);
  const first = connectionOf(await Promise.race(waiting));
  pool.giveBack(other, true);
  const made = (await Promise.all(waiting)).map(connectionOf);
  assert.ok(made.includes(first) && new Set([...made, one, other]).size === 4);
  for (const connection of made) pool.giveBack(connection, true);
  // The same where it was idle before anybody asked.
  const last = connectionOf(await pool.lend({ fresh: true }));
  assert.ok(!last.isUsed && !made.includes(last));
  assert.equal(pool.size, 2);
  pool.giveBack(last, true);
});

Deno.test("LocalPool: who is late is nobody's next one", async () => {
  await using scene = await PoolScene.start({ maxConnections: 1, connectTimeoutMs: 30 });
  const { pool } = scene;
  const only = await scene.lend();
  assert.deepEqual(await pool.lend(), { kind: "late" });
  const next = pool.lend();
  pool.giveBack(only, true);
  assert.equal(await next, only);
  await waste(pool, only);
});

Deno.test("LocalPool: one that is closed still serves who is under way, and keeps nothing", async () => {
  await using scene = await PoolScene.start({ maxConnections: 1 });
  const { pool } = scene;
  const used = await scene.lend();
  const waiting = pool.lend();
  pool.close();
  await waste(pool, used);
  const late = connectionOf(await waiting);
  pool.giveBack(late, true);
  await closed(late);
  const last = await scene.lend();
  pool.giveBack(last, true);
  await closed(last);
  assert.equal(pool.size, 0);
});
