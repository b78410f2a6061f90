import assert from "node:assert/strict";
import { BenchProgress } from "../../src/cli/bench_progress.ts";
import { MemoryIo } from "./memory_io.ts";

const state = (elapsedMs: number, received: number) => ({
  sent: received / 10,
  received,
  elapsedMs,
  part: elapsedMs / 20_000,
});

Deno.test("BenchProgress: a bar on a terminal, written over and taken away at the end", () => {
  for (const hasColours of [false, true]) {
    const io = new MemoryIo({ terminal: { columns: 80, hasColours } });
    const progress = new BenchProgress(io);
    progress.show(state(100, 5));
    assert.equal(io.terminalText, "", "not that often");
    progress.show(state(1000, 50_000));
    progress.show(state(10_000, 140_000));
    progress.clear();
    progress.clear();
    const [before, first, second, after, ...more] = io.terminalText.split("\r\x1b[K");
    assert.deepEqual([before, after, more], ["", "", []]);
    const bars = [first, second].map((text = "") =>
      text.replaceAll("\x1b[36m", "").replaceAll("\x1b[0m", "")
    );
    assert.match(bars[0] ?? "", /^█+░+ {3}5% {2}1s {2}5,000 sent, 50,000 received\/s$/);
    assert.match(bars[1] ?? "", /^(█+)░+ {2}50% {2}10s {2}14,000 sent, 10,000 received\/s$/);
    assert.equal(io.terminalText.includes("\x1b[36m"), hasColours);
    assert.equal(io.errors, "");
  }
});

Deno.test("BenchProgress: never wider than the terminal", () => {
  for (const columns of [1, 10, 40, 60, 79, 200]) {
    const io = new MemoryIo({ terminal: { columns, hasColours: false } });
    new BenchProgress(io).show(state(10_000, 123_456_789));
    assert.ok(io.terminalText.replace("\r\x1b[K", "").length < columns);
  }
});

Deno.test("BenchProgress: elsewhere a line now and then", () => {
  const io = new MemoryIo();
  const progress = new BenchProgress(io);
  for (const [elapsedMs, received] of [[200, 10], [9900, 20], [10_000, 1000], [19_000, 2000]] as const) {
    progress.show(state(elapsedMs, received));
  }
  progress.clear();
  assert.equal(io.errors, "50% after 10s  100 sent, 100 received/s");
});
