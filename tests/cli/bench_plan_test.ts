import assert from "node:assert/strict";
import { BENCH_LIMITS, type BenchArguments, planBench } from "../../src/cli/bench_plan.ts";
import { ErrorTally, OTHER_ERRORS } from "../../src/cli/bench_error_tally.ts";
import { run } from "./commands.ts";
import { NOWHERE } from "./ways.ts";

const GIVEN: BenchArguments = { sizeBytes: 128, ratePerSecond: 0, timeoutMs: 5000 };

Deno.test("planBench: each mode has its halves, with defaults that end soon", () => {
  const pub = planBench(GIVEN);
  assert.deepEqual([pub.mode, pub.durationMs, pub.request], ["pub", 5000, null]);
  assert.deepEqual([pub.publish?.publishers, pub.publish?.subscribers, pub.publish?.inFlight], [1, 10, 64]);
  const request = planBench({ ...GIVEN, mode: "request", messages: 9 });
  assert.deepEqual([request.publish, request.durationMs, request.request?.messages], [null, null, 9]);
  assert.deepEqual([request.request?.clients, request.request?.services, request.request?.inFlight], [
    10,
    1,
    8,
  ]);
  const mixed = planBench({ ...GIVEN, mode: "mixed", clients: 3, subscribers: 4, inFlight: 2 });
  assert.deepEqual([mixed.publish?.subscribers, mixed.publish?.inFlight], [4, 2]);
  assert.deepEqual([mixed.request?.clients, mixed.request?.inFlight], [3, 2]);
});

Deno.test("planBench: nobody else has the topic unless one is given", () => {
  const topics = [planBench(GIVEN), planBench(GIVEN)].map(({ publish }) => publish?.topic);
  assert.notEqual(topics[0], topics[1]);
  assert.match(topics[0] ?? "", /^bench\.r[0-9a-f]{8}$/);
  assert.equal(planBench({ ...GIVEN, topic: "a.b" }).publish?.topic, "a.b");
});

Deno.test("bench: wrong usage is exit 2 before anything is dialled, and says what would be right", async () => {
  const wrong: [string[], RegExp][] = [
    [["fly"], /MODE|fly/],
    [["--publishers", "0"], /--publishers/],
    [["--publishers", String(BENCH_LIMITS.publishers + 1)], /--publishers.*256/],
    [["--subscribers", String(BENCH_LIMITS.subscribers + 1)], /--subscribers.*4,?096/],
    [["request", "--clients", "1001"], /--clients.*1,?000/],
    [["request", "--services", "-1"], /--services/],
    [["--size", "17MiB"], /at most "15MiB", but got "17MiB"/],
    [["--size", "big"], /Expected a size/],
    [["--size", "19"], /^Cannot publish 19 bytes: at least 20 .*--size$/],
    [["--messages", "0"], /--messages/],
    [["--messages", "1000000001"], /--messages/],
    [["--duration", "25h"], /^Cannot use --duration: 24h is the most$/],
    [["--timeout", "11m"], /^Cannot use --timeout: 10m is the most$/],
    [["--rate", "10000001"], /--rate/],
    [["--in-flight", "10001"], /--in-flight/],
    [["request", "--in-flight", "0"], /^Cannot use --in-flight 0 with request: .*give at least 1$/],
    [["--clients", "2"], /^Cannot use --clients with pub: request and mixed have them; leave it out$/],
    [["request", "--subscribers", "2"], /^Cannot use --subscribers with request/],
    [["request", "--services", "0"], /^Cannot ask without a service: give --topic/],
    [["mixed", "--services", "0", "--topic", "a"], /^Cannot ask without a service/],
    [["--topic", "a.+"], /^Cannot use the topic "a\.\+": a topic is /],
  ];
  for (const [args, message] of wrong) {
    const { code, io } = await run(["bench", ...args, ...NOWHERE]);
    assert.equal(code, 2, args.join(" "));
    assert.match(io.errors.replace(/^(Usage|Error).*?: /, ""), message, args.join(" "));
    assert.equal(io.text, "");
  }
});

Deno.test("ErrorTally: counts by code, and takes no more codes than it has room for", () => {
  const tally = new ErrorTally();
  for (let i = 0; i < 1000; i++) tally.add(`CODE_${i}`);
  tally.add("CODE_0");
  tally.add("X".repeat(10_000));
  assert.equal(tally.count, 1002);
  assert.ok(tally.entries().length <= 33);
  assert.deepEqual(tally.entries()[0], ["CODE_0", 2]);
  assert.equal(tally.entries().find(([code]) => code === OTHER_ERRORS)?.[1], 969);
});
