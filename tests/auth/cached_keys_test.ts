import assert from "node:assert/strict";
import { CachedKeys } from "../../src/auth/cached_keys.ts";
import { type KeySetResult, parseKeySet } from "../../src/auth/key_set.ts";
import { newSigningKey } from "../helpers/jwt.ts";
import { TestPorts } from "./setup.ts";

const first = newSigningKey("ES256", "first");
const second = newSigningKey("ES256", "second");
const DOWN: KeySetResult = { ok: false, reason: "out of order" };

/** A source whose answers a test gives one by one. */
class Source {
  readonly ports = new TestPorts();
  readonly keys: CachedKeys;
  loads = 0;
  answer: () => Promise<KeySetResult> = () => Promise.resolve(DOWN);

  constructor() {
    const { clock, events } = this.ports;
    const load = () => {
      this.loads++;
      return this.answer();
    };
    this.keys = new CachedKeys({ source: "test", load, clock, events });
  }

  has(...keys: (typeof first)[]): void {
    this.answer = () => parseKeySet(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
  }

  async find(keyId: string): Promise<string> {
    return (await this.keys.find({ algorithm: "ES256", keyId })).kind;
  }
}

async function sourceWith(...keys: (typeof first)[]): Promise<Source> {
  const source = new Source();
  source.has(...keys);
  assert.equal(await source.find("first"), "found");
  return source;
}

Deno.test("CachedKeys: keys are loaded once and found from then on", async () => {
  const source = await sourceWith(first);
  for (let time = 0; time < 100; time++) assert.equal(await source.find("first"), "found");
  assert.equal(source.loads, 1);
  assert.deepEqual(source.ports.events.loads, ["test: 1 keys, 0 ignored"]);
});

Deno.test("CachedKeys: a thousand tokens of an unknown key cause one load", async () => {
  const source = await sourceWith(first);
  source.ports.pass(10_000);
  const searches = Array.from(
    { length: 1000 },
    (_, at) => source.find(at % 2 === 0 ? "second" : `key-${at}`),
  );
  assert.deepEqual(new Set(await Promise.all(searches)), new Set(["unknown"]));
  assert.equal(source.loads, 2);
  assert.equal(source.ports.events.unknownKeys, 1000);
});

Deno.test("CachedKeys: a new key is found when it is asked for, also by all who wait for the same load", async () => {
  const source = await sourceWith(first);
  source.ports.pass(10_000);
  source.has(second);
  const searches = Array.from({ length: 10 }, () => source.find("second"));
  assert.deepEqual(new Set(await Promise.all(searches)), new Set(["found"]));
  assert.equal(source.loads, 2);
});

Deno.test("CachedKeys: in the pause after a load, only a key that was looked for in vain is known not to be there", async () => {
  const source = await sourceWith(first);
  assert.equal(await source.find("second"), "unknown_yet");
  source.ports.pass(9999);
  assert.equal(await source.find("second"), "unknown_yet");
  source.ports.pass(1);
  assert.equal(await source.find("second"), "unknown");
  assert.equal(await source.find("second"), "unknown");
  assert.equal(await source.find("third"), "unknown_yet");
  assert.equal(source.loads, 2);
});

Deno.test("CachedKeys: the first search tells at once that there is no such key", async () => {
  const source = new Source();
  source.has(first);
  assert.equal(await source.find("second"), "unknown");
  assert.equal(source.loads, 1);
});

Deno.test("CachedKeys: however many keys are looked for in vain, few are remembered", async () => {
  const source = await sourceWith(first);
  source.ports.pass(10_000);
  await Promise.all(Array.from({ length: 1001 }, (_, at) => source.find(`key-${at}`)));
  assert.equal(await source.find("key-999"), "unknown");
  assert.equal(await source.find("key-1000"), "unknown_yet");
});

Deno.test("CachedKeys: without keys it tries again after a pause that grows to a minute", async () => {
  const source = new Source();
  assert.equal(await source.find("first"), "unavailable");
  for (const pauseMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) {
    const { loads } = source;
    source.ports.pass(pauseMs - 1);
    assert.equal(await source.find("first"), "unavailable");
    assert.equal(source.loads, loads);
    source.ports.pass(1);
    assert.equal(await source.find("first"), "unavailable");
    assert.equal(source.loads, loads + 1);
  }
  source.ports.pass(60_000);
  source.has(first);
  assert.equal(await source.find("first"), "found");
  source.answer = () => Promise.resolve(DOWN);
  source.ports.pass(600_000);
  await source.find("first");
  assert.deepEqual(source.ports.events.failures.at(-1), {
    source: "test",
    reason: "out of order",
    hasKeys: true,
    retryAfterMs: 1000,
  });
});

Deno.test("CachedKeys: keys stay in use while their source is away, and come anew when it is back", async () => {
  const source = await sourceWith(first);
  source.answer = () => Promise.resolve(DOWN);
  for (let hour = 0; hour < 48; hour++) {
    source.ports.pass(3_600_000);
    assert.equal(await source.find("first"), "found");
  }
  assert.equal(await source.find("second"), "unknown_yet");
  source.ports.pass(60_000);
  source.has(second);
  assert.equal(await source.find("second"), "found");
  source.ports.pass(10_000);
  assert.equal(await source.find("first"), "unknown");
});

Deno.test("CachedKeys: nobody waits for a refresh, but for keys that are too old", async () => {
  const source = await sourceWith(first);
  const answer = Promise.withResolvers<KeySetResult>();
  source.answer = () => answer.promise;
  source.ports.pass(300_000);
  assert.equal(await source.find("first"), "found");
  assert.equal(source.loads, 2);
  source.ports.pass(300_000);
  const search = source.find("first");
  answer.resolve(await parseKeySet(JSON.stringify({ keys: [second.jwk] })));
  assert.equal(await search, "unknown");
  assert.equal(source.loads, 2);
});

Deno.test("CachedKeys: nobody waits for a source that failed and is asked again", async () => {
  const source = await sourceWith(first);
  source.answer = () => Promise.resolve(DOWN);
  source.ports.pass(600_000);
  assert.equal(await source.find("first"), "found");
  const never = Promise.withResolvers<KeySetResult>();
  source.answer = () => never.promise;
  source.ports.pass(1000);
  assert.equal(await source.find("first"), "found");
  assert.equal(source.loads, 3);
  never.resolve(DOWN);
});

Deno.test("CachedKeys: a source that throws is one that failed", async () => {
  const source = new Source();
  source.answer = () => Promise.reject(new Error("no such file"));
  assert.equal(await source.find("first"), "unavailable");
  assert.equal(source.keys.lastFailure, "no such file");
});

Deno.test("CachedKeys: the word of the source counts, also that there are no keys any more", async () => {
  const source = await sourceWith(first);
  source.has();
  await source.keys.reload();
  assert.equal(await source.find("first"), "unknown_yet");
  source.ports.pass(10_000);
  assert.equal(await source.find("first"), "unknown");
});

Deno.test("CachedKeys: a reload does not heed the pause, and follows a load that runs", async () => {
  const source = await sourceWith(first);
  source.has(second);
  await Promise.all([source.keys.reload(), source.keys.reload()]);
  assert.equal(await source.find("second"), "found");
  assert.equal(source.loads, 2);
});

Deno.test("CachedKeys: who waits for a load waits outside, and not more than may do", async () => {
  const source = await sourceWith(first);
  const answer = Promise.withResolvers<KeySetResult>();
  source.answer = () => answer.promise;
  source.ports.pass(10_000);
  let outside = 0;
  const wait = async <T>(arrival: Promise<T>) => {
    outside++;
    try {
      return await arrival;
    } finally {
      outside--;
    }
  };
  const find = (keyId: string) => source.keys.find({ algorithm: "ES256", keyId }, wait);
  const searches = Array.from({ length: 1024 }, (_, at) => find(`key-${at}`));
  for (let at = 0; at < 10; at++) assert.equal((await find("one more")).kind, "unknown_yet");
  assert.equal((await find("first")).kind, "found");
  assert.equal(outside, 1024);
  answer.resolve(DOWN);
  assert.deepEqual(new Set((await Promise.all(searches)).map(({ kind }) => kind)), new Set(["unknown_yet"]));
  assert.equal(outside, 0);
});
