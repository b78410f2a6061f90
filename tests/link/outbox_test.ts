import assert from "node:assert/strict";
import fc from "fast-check";
import type { Channel } from "../../src/core/delivery.ts";
import { LANES, type QueueLane } from "../../src/link/lane.ts";
import type { Outbox } from "../../src/link/outbox.ts";
import { FakeTime } from "../helpers/fake_time.ts";
import { channel, CLOSE, encoded, setUp } from "./outbox_setup.ts";

function push(outbox: Outbox, lane: QueueLane | "publish", text: string): string {
  return lane === "publish" ? outbox.publish(encoded(text), CLOSE) : outbox.push(lane, encoded(text));
}

Deno.test("Outbox: what a turn queued leaves in one write at its end", () => {
  const { outbox, sink, endTurn, turns } = setUp();
  for (const text of ["a", "b", "c"]) push(outbox, "publish", text);
  assert.equal(sink.writes.length, 0);
  assert.equal(turns.length, 1);
  endTurn();
  assert.deepEqual(sink.writes.map((part) => new TextDecoder().decode(part)), ["abc"]);
});

Deno.test("Outbox: control overtakes bulk that waits behind a slow socket", () => {
  const { outbox, sink, endTurn, drain } = setUp({ socketBytes: 10 });
  for (const text of ["1111111111", "2222222222", "3333333333"]) push(outbox, "publish", text);
  endTurn();
  push(outbox, "control", "CONTROL");
  drain();
  assert.equal(sink.text(), "1111111111CONTROL22222222223333333333");
});

Deno.test("Outbox: an empty lane takes one message of any size, a full one nothing", () => {
  const { outbox, overflows } = setUp();
  assert.equal(push(outbox, "publish", "x".repeat(500)), "queued");
  assert.equal(push(outbox, "publish", "y"), "full");
  assert.equal(overflows(), 1);
  assert.equal(push(outbox, "request", "z"), "queued", "lanes have bounds of their own");
});

Deno.test("Outbox: what streams make when it goes out comes first, also when the socket is slow", () => {
  const { outbox, sink, streams, endTurn, turns } = setUp({ socketBytes: 4 });
  push(outbox, "publish", "1111");
  push(outbox, "publish", "2222");
  endTurn();
  streams.control = "credit";
  streams.push("dd");
  endTurn();
  assert.equal(sink.text(), "1111", "the socket has its fill");
  while (sink.take());
  assert.equal(sink.text(), "1111credit2222dd");
  outbox.close();
  outbox.wake();
  assert.equal(turns.length, 0);
});

Deno.test("Outbox: a flood of pings costs one pong", () => {
  const { outbox, sink, endTurn } = setUp();
  for (let i = 0; i < 1000; i++) outbox.pushPong(encoded(`pong ${i}`));
  assert.equal(outbox.heldBytes, 8);
  endTurn();
  assert.equal(sink.text(), "pong 999");
});

Deno.test("Outbox: finish writes what waits, then the last message, then says so", () => {
  const { outbox, sink, drain } = setUp({ socketBytes: 4 });
  let finished = 0;
  push(outbox, "publish", "1111");
  assert.equal(outbox.finish(encoded("LAST"), { purge: false, onFinished: () => finished++ }), 0);
  assert.equal(push(outbox, "control", "late"), "closed");
  drain();
  assert.equal(sink.text(), "1111LAST");
  assert.equal(finished, 1);
});

Deno.test("Outbox: finish with purge drops what waits and says how much", () => {
  const { outbox, sink, drain, ledger } = setUp();
  for (const lane of ["publish", "request"] as const) push(outbox, lane, "x");
  outbox.pushPong(encoded("pong"));
  assert.equal(outbox.finish(encoded("LAST"), { purge: true, onFinished: () => {} }), 2);
  drain();
  assert.equal(sink.text(), "LAST");
  assert.equal(ledger.heldBytes, 0);
});

Deno.test("Outbox: closing while a flush waits writes nothing and frees everything", () => {
  const { outbox, sink, endTurn, ledger } = setUp();
  push(outbox, "publish", "1");
  assert.equal(outbox.close(), 1);
  endTurn();
  assert.equal(sink.writes.length, 0);
  assert.equal(ledger.heldBytes, 0);
  assert.equal(outbox.close(), 0);
});

Deno.test("Outbox: drop_oldest keeps the newest of the channel and tells of the gap first", () => {
  const { outbox, sink, drain, dropped, overflows } = setUp();
  const [topic, other] = [channel("drop_oldest"), channel("close", "other")];
  outbox.publish(encoded("[other]"), other);
  for (let i = 0; i < 30; i++) assert.equal(outbox.publish(encoded(`[topic ${i}]`), topic), "queued");
  drain();
  const written = sink.text().match(/\[.*?\]/g) ?? [];
  assert.deepEqual(written.slice(0, 2), [`[gap t ${dropped.drop_oldest}]`, "[other]"]);
  const kept = written.slice(2);
  assert.equal(kept.length + dropped.drop_oldest, 30);
  assert.deepEqual(kept, Array.from({ length: kept.length }, (_, i) => `[topic ${30 - kept.length + i}]`));
  assert.equal(overflows(), 0);
});

Deno.test("Outbox: drop_oldest drops the new one when nothing of its channel waits", () => {
  const { outbox, sink, drain, dropped } = setUp();
  outbox.publish(encoded("x".repeat(100)), CLOSE);
  assert.equal(outbox.publish(encoded("new"), channel("drop_oldest")), "dropped");
  assert.equal(dropped.drop_oldest, 1);
  drain();
  assert.equal(sink.text(), `[gap t 1]${"x".repeat(100)}`);
});

Deno.test("Outbox: latest lets all queued messages of the channel give way to the new one", () => {
  const { outbox, sink, drain, dropped } = setUp();
  const latest = channel("latest");
  for (let i = 0; i < 12; i++) outbox.publish(encoded(`[value ${i}]`), latest);
  drain();
  assert.equal(sink.text(), `[gap t ${dropped.latest}][value 11]`);
  assert.ok(dropped.latest >= 10);
});

Deno.test("Outbox: a gap is told again when more is lost later", () => {
  const { outbox, sink, drain, dropped } = setUp();
  const topic = channel("drop_oldest");
  for (const round of ["a", "b"]) {
    for (let i = 0; i < 20; i++) outbox.publish(encoded(`[${round} ${i} xx]`), topic);
    drain();
  }
  const told = [...sink.text().matchAll(/\[gap t (\d+)\]/g)].map(([, count]) => Number(count));
  assert.equal(told.length, 2);
  assert.equal(told.reduce((sum, count) => sum + count, 0), dropped.drop_oldest);
});

Deno.test("Outbox: a stalled receiver's gaps add up and leave the control lane alone", () => {
  const { outbox, sink, endTurn, drain, dropped, overflows } = setUp({ socketBytes: 10 });
  const topics = Array.from({ length: 10 }, (_, i) => channel("latest", String(i)));
  for (let round = 0; round < 500; round++) {
    for (const topic of topics) outbox.publish(encoded("[value xx]"), topic);
    endTurn();
  }
  assert.equal(outbox.queuedBytesOf("control"), 0);
  assert.equal(push(outbox, "control", "ping"), "queued");
  assert.equal(overflows(), 0);
  drain();
  const told = [...sink.text().matchAll(/\[gap \d (\d+)\]/g)].map(([, count]) => Number(count));
  assert.equal(told.length, 10);
  assert.equal(told.reduce((sum, count) => sum + count, 0), dropped.latest);
});

Deno.test("Outbox: who had the wire to himself has no claims left when others come", () => {
  const big = 10_000_000;
  const { outbox, sink, streams, endTurn, drain } = setUp({
    laneBytes: { request: big },
    socketBytes: 1_000_000,
  });
  push(outbox, "request", "R".repeat(900_000));
  drain();
  for (let i = 0; i < 400; i++) push(outbox, "request", "r".repeat(1000));
  streams.push("d");
  const before = sink.text().length;
  endTurn();
  assert.ok(sink.text().indexOf("d") - before < 100_000, "data waits for its share only");
});

Deno.test("Outbox: lanes share the wire by weight and none starves", () => {
  const big = 10_000_000;
  const { outbox, sink, streams, endTurn } = setUp({
    laneBytes: { request: big, publish: big },
    socketBytes: 500_000,
  });
  const message = "x".repeat(999);
  for (let i = 0; i < 1000; i++) {
    streams.push(`d${message}`);
    for (const lane of ["publish", "request"] as const) push(outbox, lane, lane[0] + message);
  }
  endTurn();
  const text = sink.text();
  const share = (letter: string) => text.split(letter).length - 1;
  assert.ok(share("d") > 0);
  assert.ok(Math.abs(share("r") / share("p") - 2) < 0.3, `request to publish is ${share("r") / share("p")}`);
  assert.ok(Math.abs(share("p") / share("d") - 4) < 1, `publish to data is ${share("p") / share("d")}`);
});

Deno.test("Outbox: order, bounds, counts and notices hold whatever happens", () => {
  const policies: readonly Channel[] = [
    CLOSE,
    channel("drop_oldest", "a"),
    channel("drop_oldest", "b"),
    channel("latest", "c"),
  ];
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        lane: fc.constantFrom(...LANES),
        size: fc.integer({ min: 1, max: 60 }),
        channel: fc.nat(3),
      }),
    },
    { weight: 3, arbitrary: fc.constantFrom("turn", "taken") },
    { weight: 1, arbitrary: fc.constant("pong") },
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 300 }),
      fc.integer({ min: 1, max: 120 }),
      (steps, socketBytes) => {
        const { outbox, sink, streams, endTurn, drain, ledger, dropped } = setUp({
          socketBytes,
          laneBytes: { control: 1e6 },
        });
        const queued: Record<string, string[]> = {};
        let serial = 0;
        let offered = 0;
        for (const now of steps) {
          if (now === "turn") endTurn();
          else if (now === "taken") sink.take();
          else if (now === "pong") outbox.pushPong(encoded("[pong]"));
          else if (typeof now === "object") {
            const to = policies[now.channel] ?? CLOSE;
            const kind = now.lane === "publish" ? `publish-${to.name}` : now.lane;
            const text = `[${kind} ${serial++} ${"x".repeat(now.size)}]`;
            const result = now.lane === "publish"
              ? outbox.publish(encoded(text), to)
              : now.lane === "data"
              ? streams.push(text)
              : outbox.push(now.lane, encoded(text));
            if (now.lane === "publish" && result !== "full") offered++;
            if (result === "queued") (queued[kind] ??= []).push(text);
            if (now.lane === "request" || now.lane === "publish") {
              const bytes = outbox.queuedBytesOf(now.lane);
              assert.ok(bytes <= 100 || bytes === text.length, `${bytes} bytes in ${now.lane}`);
            }
          }
          if (now === "turn") assert.equal(ledger.heldBytes, outbox.heldBytes);
        }
        drain();
        assert.equal(outbox.heldBytes, 0);
        const written = sink.text().match(/\[[^\]]*\]/g) ?? [];
        let delivered = 0;
        for (const [kind, all] of Object.entries(queued)) {
          const got = written.filter((text) => text.startsWith(`[${kind} `));
          if (kind.startsWith("publish-")) delivered += got.length;
          const mayDrop = kind !== "publish-t" && kind.startsWith("publish-");
          if (mayDrop) {
            assert.deepEqual(got, all.filter((text) => got.includes(text)), "in order, nothing twice");
          } else assert.deepEqual(got, all);
        }
        const lost = dropped.drop_oldest + dropped.latest;
        assert.equal(delivered + lost, offered, "what is not delivered is counted");
        const told = written.map((text) => Number(/^\[gap \w (\d+)\]$/.exec(text)?.[1] ?? 0));
        assert.equal(told.reduce((sum, count) => sum + count, 0), lost, "what is lost is told");
      },
    ),
  );
});

Deno.test("Outbox: never hands more than its bound to the socket, one message aside", () => {
  const { outbox, sink, endTurn } = setUp({ socketBytes: 25, laneBytes: { publish: 10_000 } });
  for (let i = 0; i < 100; i++) push(outbox, "publish", "x".repeat(10));
  endTurn();
  assert.equal(sink.text().length, 30);
  sink.take();
  assert.equal(sink.text().length, 60);
});

Deno.test("Outbox: what a message costs beside its bytes counts against the bounds while it waits", () => {
  const { outbox, ledger, drain, overflows } = setUp({ messageOverheadBytes: 30 });
  for (const text of ["a", "b", "c"]) assert.equal(push(outbox, "publish", text), "queued");
  assert.equal(outbox.heldBytes, 93);
  assert.equal(push(outbox, "publish", "d"), "full");
  assert.equal(overflows(), 1);
  drain();
  assert.equal(ledger.heldBytes, 0);
});

Deno.test("Outbox: 1,000 sockets that never take anything hold no more than their bounds", () => {
  const [lane, socket, count] = [64 * 1024, 128 * 1024, 1000];
  const settings = {
    laneBytes: { publish: lane },
    socketBytes: socket,
    messageOverheadBytes: 512,
    joinBytes: 65536,
  };
  const setups = Array.from({ length: count }, () => setUp(settings));
  const messages = Array.from({ length: 2000 }, (_, i) => encoded(`message ${i} ${"x".repeat(200)}`));
  const before = Deno.memoryUsage().rss;
  for (const { outbox, endTurn } of setups) {
    for (let i = 0; outbox.publish(messages[i % messages.length] ?? encoded(""), CLOSE) !== "full"; i++) {
      if (i % 50 === 0) endTurn();
    }
    assert.ok(outbox.heldBytes <= lane + socket + 1024, `${outbox.heldBytes} bytes`);
  }
  const grown = Deno.memoryUsage().rss - before;
  assert.ok(grown < count * (lane + socket), `memory grew by ${grown} bytes`);
});

Deno.test("Outbox: with a window publishes of several turns leave in one write, and control does not wait", () => {
  using time = new FakeTime();
  const { outbox, sink, endTurn, flusher } = setUp();
  flusher.joinWindowMs = 2;
  push(outbox, "publish", "a");
  endTurn();
  time.tick(1);
  push(outbox, "publish", "b");
  endTurn();
  assert.equal(sink.writes.length, 0);
  time.tick(1);
  assert.deepEqual(sink.text(), "ab");
  push(outbox, "publish", "c");
  push(outbox, "control", "CONTROL");
  endTurn();
  assert.equal(sink.text(), "abCONTROLc");
  time.tick(2);
  assert.equal(sink.writes.length, 2);
});

Deno.test("Outbox: what is enough for a write does not wait for the window", () => {
  using time = new FakeTime();
  const { outbox, sink, endTurn, flusher } = setUp({ joinBytes: 4 });
  flusher.joinWindowMs = 2;
  for (const text of ["aa", "bb"]) push(outbox, "publish", text);
  endTurn();
  assert.equal(sink.text(), "aabb");
  time.tick(2);
  assert.equal(sink.writes.length, 1);
});
