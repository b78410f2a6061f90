import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { BrokerStats } from "../../src/broker/broker_stats.ts";
import { compilePattern } from "../../src/broker/linear_pattern.ts";
import {
  LINES_PER_SECOND,
  LogFeed,
  MAX_LOG_LISTENERS,
  MAX_SHOWN_CHARACTERS,
} from "../../src/broker/log_feed.ts";
import { HubMessage } from "../../src/broker/outgoing.ts";
import type { LogControl, LogLevel, LogLine } from "../../src/core/ports.ts";
import { FakeClock, FakeSubscriber, settingsOf } from "./fakes.ts";

const ALL: readonly LogLevel[] = ["debug", "info", "warning", "error"];

/** A log whose lines a test writes. */
class FakeLog implements LogControl {
  readonly listeners = new Set<(line: LogLine) => void>();

  setLevel(): void {}

  listen(listener: (line: LogLine) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  write(message: string, fields: Record<string, unknown> = {}, level: LogLevel = "info"): void {
    for (const listener of this.listeners) listener({ timeMs: 0, level, logger: "test", message, fields });
  }
}

function setUp({ showsHubLines = true }: { showsHubLines?: boolean } = {}) {
  const [log, clock, stats] = [new FakeLog(), new FakeClock(), new BrokerStats()];
  const gapNotice = (dropped: number) =>
    new HubMessage({ action: "publish", topic: "system.topic.gap" }, JSON.stringify({ dropped }));
  const channel = { ...settingsOf("system.log").channel, gapNotice };
  const feed = new LogFeed({ log, channel, showsHubLines, clock, stats });
  const listen = (id: string, { tenant = "default", regex }: { tenant?: string; regex?: string } = {}) => {
    const subscriber = new FakeSubscriber(id, "text");
    const compiled = regex === undefined ? null : compilePattern(regex);
    const pattern = compiled?.ok === true ? compiled.pattern : null;
    const result = feed.subscribe(subscriber, { tenant, filter: { levels: new Set(ALL), pattern } });
    return { subscriber, result };
  };
  return { log, clock, stats, feed, listen };
}

/** What a subscriber was shown. */
function shownTo({ got }: FakeSubscriber) {
  return got.splice(0).map(({ parts }) => {
    const text = Buffer.concat(parts).subarray(4).toString();
    const [header = "", payload = ""] = text.split("\n");
    return { topic: header.split(":")[1], ...JSON.parse(payload) };
  });
}

const messagesOf = (subscriber: FakeSubscriber) => shownTo(subscriber).map(({ message }) => message);

Deno.test("Log feed: the log is listened to only while somebody listens", () => {
  const { log, feed, listen } = setUp();
  assert.equal(log.listeners.size, 0);
  const [one, other] = [listen("1").subscriber, listen("2", { tenant: "b" }).subscriber];
  assert.deepEqual([log.listeners.size, feed.size], [1, 2]);
  assert.equal(feed.unsubscribe(one, "default"), true);
  assert.equal(feed.unsubscribe(one, "default"), false);
  assert.equal(log.listeners.size, 1);
  feed.unsubscribe(other, "b");
  assert.deepEqual([log.listeners.size, feed.size], [0, 0]);
});

Deno.test("Log feed: lines go to their own tenant, and those of nobody to the default one while it is alone", () => {
  for (const showsHubLines of [true, false]) {
    const { log, listen } = setUp({ showsHubLines });
    const usual = listen("1").subscriber;
    const other = listen("2", { tenant: "b" }).subscriber;
    log.write("of a", { tenant: "a" });
    log.write("of b", { tenant: "b" });
    log.write("of default", { tenant: "default" });
    log.write("of the hub");
    log.write("of something odd", { tenant: { name: "default" } });
    assert.deepEqual(messagesOf(usual), showsHubLines ? ["of default", "of the hub"] : ["of default"]);
    assert.deepEqual(messagesOf(other), ["of b"]);
  }
});

Deno.test("Log feed: a listener gets so many lines a second and is told how many he missed", () => {
  const { log, clock, stats, feed, listen } = setUp();
  const { subscriber } = listen("1");
  for (let i = 0; i < LINES_PER_SECOND + 7; i++) log.write(`line ${i}`);
  assert.equal(shownTo(subscriber).length, LINES_PER_SECOND);
  clock.ms += 100;
  log.write("later");
  const [gap, line] = shownTo(subscriber);
  assert.deepEqual([gap?.topic, gap?.dropped, line?.message], ["system.topic.gap", 7, "later"]);
  for (let i = 0; i < LINES_PER_SECOND; i++) log.write(`line ${i}`);
  subscriber.got.length = 0;
  feed.check();
  assert.deepEqual(shownTo(subscriber).map(({ dropped }) => dropped), [91]);
  feed.check();
  assert.deepEqual(shownTo(subscriber), []);
  assert.deepEqual(stats.logLines, { delivered: LINES_PER_SECOND + 10, dropped: 98 });
});

Deno.test("Log feed: looking for an expression has a budget a second; what is not looked at is missed", () => {
  const { log, clock, listen } = setUp();
  const { subscriber } = listen("1", { regex: "(a?){60}(a?){50}X" });
  const line = "a".repeat(5000);
  let written = 0;
  const looksAt = () => {
    log.write(line);
    log.write("X");
    written++;
    return shownTo(subscriber).some(({ message }) => message === "X");
  };
  while (looksAt());
  assert.ok(written < 20, `${written} lines in one second`);
  clock.ms += 1000;
  log.write("X");
  assert.ok(messagesOf(subscriber).includes("X"));
});

Deno.test("Log feed: a line that is logged by showing one is not shown, and never without end", () => {
  const { log, stats, listen } = setUp();
  const { subscriber } = listen("1");
  let tries = 0;
  subscriber.publish = () => {
    tries++;
    log.write("Cannot deliver");
    return "closed";
  };
  log.write("one");
  assert.equal(tries, 1);
  assert.deepEqual(stats.logLines, { delivered: 0, dropped: 1 });
});

Deno.test("Log feed: who leaves while lines are shown is shown nothing more", () => {
  const { log, feed, listen } = setUp();
  const [one, other] = [listen("1").subscriber, listen("2").subscriber];
  one.publish = () => {
    feed.unsubscribe(one, "default");
    return "closed";
  };
  for (const message of ["first", "second"]) log.write(message);
  assert.deepEqual(messagesOf(other), ["first", "second"]);
  assert.equal(feed.size, 1);
});

Deno.test("Log feed: a line holds a bounded part of message and fields", () => {
  const { log, listen } = setUp();
  const { subscriber } = listen("1");
  log.write("m".repeat(2 * MAX_SHOWN_CHARACTERS), { field: 1 });
  log.write("short", { field: "f".repeat(2 * MAX_SHOWN_CHARACTERS) });
  const [long, wide] = shownTo(subscriber);
  assert.deepEqual([long?.message.length, long?.fields, long?.truncated], [
    MAX_SHOWN_CHARACTERS,
    { field: 1 },
    true,
  ]);
  assert.deepEqual([wide?.message, wide?.fields, wide?.truncated], ["short", {}, true]);
});

Deno.test("Log feed: a tenant has so many listeners, and subscribing again takes no more room", () => {
  const { feed, listen } = setUp();
  const first = listen("first").subscriber;
  for (let i = 1; i < MAX_LOG_LISTENERS; i++) assert.equal(listen(`${i}`).result, "listening");
  assert.equal(listen("one too many").result, "limit");
  assert.equal(listen("other", { tenant: "b" }).result, "listening");
  const filter = { levels: new Set(ALL), pattern: null };
  for (let i = 0; i < 10_000; i++) {
    assert.equal(feed.subscribe(first, { tenant: "default", filter }), "updated");
  }
  assert.equal(feed.size, MAX_LOG_LISTENERS + 1);
});
