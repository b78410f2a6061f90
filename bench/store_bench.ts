/**
 * What keeping published messages costs, in this process: CPU for each in memory and with a disk, of all threads; memory
 * for each; how long a disk takes to say that one is safe; loading a million; reading a part of many histories.
 */
import process from "node:process";
import { ExitCode } from "../src/cli/io.ts";
import { MemoryStore } from "../src/store/memory_store.ts";
import type { KeepRules, MessageStore, TenantStore } from "../src/store/message_store.ts";
import { SqliteStore } from "../src/store/sqlite_store.ts";
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { median, progress, publish, quantile, round, type Row } from "./report.ts";

const PAYLOAD_BYTES = 128;
const MANY = 1_000_000;
const WRITTEN = 200_000;
/** Messages that come before others get their turn, as those of a busy turn of the event loop. */
const BURST = 100;
const SINGLE = 200;
const TOPICS = 1000;
const HOUR_MS = 3_600_000;
const GIB = 1_073_741_824;
const LIMITS = { retained: { maxCount: MANY, maxBytes: GIB }, history: { maxBytes: 4 * GIB } };

const keepAll: KeepRules = { retain: false, history: { size: MANY, ttlMs: HOUR_MS } };
/** Each message pushes one out, once there are so many of each topic. */
const keepFew: KeepRules = { retain: false, history: { size: 10, ttlMs: HOUR_MS } };
const keepValue: KeepRules = { retain: true, history: null };

const payload = new TextEncoder().encode("x".repeat(PAYLOAD_BYTES));
const topics = Array.from({ length: TOPICS }, (_, at) => `site${at}.floor.temp`);
const nowMs = Date.now();

function keep(tenant: TenantStore, number: number, rules: KeepRules): void {
  const topicKey = topics[number % TOPICS] ?? "";
  const id = `018bcfe5-6800-4abc-8000-${String(number).padStart(12, "0")}`;
  const message = { id, topic: topicKey, topicKey, version: "1.0.0", requestId: null, atMs: nowMs };
  tenant.keep({ ...message, payload: payload.slice() }, rules);
}

/** What a part of the program took: of the processor for all threads, of this thread, and in all, in ms. */
interface Taken {
  readonly cpuMs: number;
  readonly wallMs: number;
}

async function taken(run: () => void | Promise<void>): Promise<Taken> {
  const [before, started] = [process.cpuUsage(), performance.now()];
  await run();
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1000, wallMs: performance.now() - started };
}

function safe(store: MessageStore): Promise<void> {
  return new Promise((resolve, reject) =>
    store.whenSafe((failure) => failure === null ? resolve() : reject(new Error(failure)))
  );
}

interface Load {
  readonly from: number;
  readonly count: number;
  readonly rules: KeepRules;
}

/** Keeps many, the loop turning in between; ends when all are safe. */
async function keepMany(store: MessageStore, { from, count, rules }: Load): Promise<void> {
  const tenant = store.tenant("bench");
  for (let at = 0; at < count; at++) {
    keep(tenant, from + at, rules);
    if (at % BURST === 0) await new Promise((resolve) => setImmediate(resolve));
    // A hub would slow its publishers down, or be told of a loss.
    if (at % (100 * BURST) === 0) await safe(store);
  }
  await safe(store);
}

function rss(): number {
  return Deno.memoryUsage().rss;
}

async function inMemory(rows: Row[]): Promise<void> {
  progress("memory");
  const store = new MemoryStore({ limits: LIMITS });
  const before = rss();
  const all = await taken(() => keepMany(store, { from: 1, count: MANY, rules: keepAll }));
  rows.push(row("memory: kept, µs CPU", all.cpuMs * 1000 / MANY));
  rows.push(row("memory: bytes of a message", (rss() - before) / MANY));
  rows.push(row("memory: bytes of a message as counted", store.figures.bytes / MANY));
  const few = new MemoryStore({ limits: LIMITS });
  await keepMany(few, { from: 1, count: WRITTEN, rules: keepFew });
  const trimmed = await taken(() => keepMany(few, { from: WRITTEN + 1, count: MANY, rules: keepFew }));
  rows.push(row("memory: kept, one trimmed, µs CPU", trimmed.cpuMs * 1000 / MANY));
  await reads(store.tenant("bench"), rows);
}

async function reads(tenant: TenantStore, rows: Row[]): Promise<void> {
  const afterId = `018bcfe5-6800-4abc-8000-${String(MANY / 2).padStart(12, "0")}`;
  const page = (pattern: string) => () => {
    for (let at = 0; at < 100; at++) tenant.page(pattern, { afterId, max: 100, nowMs });
  };
  for (const pattern of ["site1.floor.temp", "site1.#", "#"]) {
    page(pattern)();
    const { cpuMs } = await taken(page(pattern));
    rows.push(row(`memory: page of 100 of ${pattern}, µs CPU`, cpuMs * 1000 / 100));
  }
  const last = await taken(() => void tenant.start("#", { kind: "last", count: 10_000 }, nowMs));
  rows.push(row("memory: start of the last 10,000 of #, µs CPU", last.cpuMs * 1000));
}

async function onDisk(rows: Row[], path: string): Promise<void> {
  progress("disk");
  let from = 1;
  const create = () => new SqliteStore({ path, limits: LIMITS });
  let store = create();
  await store.open();
  const kinds = [["kept", keepAll], ["kept, one trimmed", keepFew], ["value replaced", keepValue]] as const;
  for (const [name, rules] of kinds) {
    await keepMany(store, { from, count: WRITTEN / 10, rules });
    from += WRITTEN / 10;
    const { cpuMs, wallMs } = await taken(() => keepMany(store, { from, count: WRITTEN, rules }));
    from += WRITTEN;
    rows.push(row(`disk: ${name}, µs CPU of all threads`, cpuMs * 1000 / WRITTEN));
    rows.push(row(`disk: ${name}, messages/s`, WRITTEN * 1000 / wallMs, 0));
  }
  const waits: number[] = [];
  for (let at = 0; at < SINGLE; at++) {
    keep(store.tenant("bench"), from++, keepAll);
    waits.push((await taken(() => safe(store))).wallMs);
  }
  rows.push(row("disk: one message until it is safe, ms, p50", median(waits)));
  rows.push(row("disk: one message until it is safe, ms, p99", quantile(waits, 0.99)));
  await keepMany(store, { from, count: MANY, rules: keepAll });
  await store.close();
  store = create();
  const load = await taken(() => store.open());
  rows.push(row(`disk: loading ${store.figures.messages} messages, s`, load.wallMs / 1000));
  rows.push(row(`disk: loading ${store.figures.messages} messages, s CPU`, load.cpuMs / 1000));
  rows.push(
    row("disk: bytes of a message", Deno.statSync(`${path}/trunkline.db`).size / store.figures.messages),
  );
  await store.close();
}

function row(what: string, value: number, digits = 2): Row {
  return { what, value: round(value, digits) };
}

async function run(options: BenchmarkOptions): Promise<number> {
  const rows: Row[] = [];
  await inMemory(rows);
  const path = await Deno.makeTempDir({ prefix: "trunkline-store-" });
  try {
    await onDisk(rows, path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
  const notes = [`${PAYLOAD_BYTES} B payloads, ${TOPICS} topics, bursts of ${BURST}`];
  await publish({ name: "store", rows, notes, samples: rows }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "store",
  about: "Keeping published messages in memory and on disk, reading and loading them",
  run,
};
