import assert from "node:assert/strict";
import { TestCertificates } from "../helpers/certificates.ts";
import { prefixed } from "../helpers/prefixed.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { TextClient } from "../helpers/text_client.ts";
import { Door } from "./door.ts";
import { ExampleProgram } from "./example_program.ts";
import { deno, python, PYTHON_NEEDED, testBoth } from "./languages.ts";
import { publishUntilDropped, startSlowHub } from "./slow_hub.ts";
import { StandInHub } from "./stand_in_hub.ts";

async function subscribed(program: ExampleProgram): Promise<void> {
  assert.match(await program.err.next(), /^Subscribed to /);
}

/** So many lines, whichever of the programs prints them. */
async function collect(programs: readonly ExampleProgram[], count: number): Promise<string[]> {
  const lines: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const read = async ({ out }: ExampleProgram) => {
    for (;;) {
      lines.push(await out.next());
      if (lines.length === count) resolve();
    }
  };
  // Reading goes on until the programs end with the test.
  for (const program of programs) read(program).catch(() => {});
  await promise;
  return lines;
}

Deno.test({
  name: `Examples: what Python publishes over TCP and Deno over WebSocket reaches both ${PYTHON_NEEDED}`,
  ignore: python.ignore,
  fn: async () => {
    await using hub = await TestHub.start();
    await using first = deno.run("subscribe", hub.port, "sensors.+.temp");
    await using second = python.run("subscribe", hub.port, "sensors.#");
    await Promise.all([first, second].map(subscribed));
    for (const [language, payloads] of [[python, ["21", "22 °C"]], [deno, ["23 🚀"]]] as const) {
      await using publisher = language.run("publish", hub.port, "sensors.a.temp", ...payloads);
      const out = payloads.map(() => "Delivered: sensors.a.temp");
      assert.deepEqual(await publisher.ended(), { code: 0, out, err: [] });
      for (const { out } of [first, second]) {
        for (const payload of payloads) assert.equal(await out.next(), `sensors.a.temp ${payload}`);
      }
    }
  },
});

Deno.test({
  name: `Examples: subscribers of a group share the messages, whatever their language ${PYTHON_NEEDED}`,
  ignore: python.ignore,
  fn: async () => {
    await using hub = await TestHub.start();
    await using first = deno.run("subscribe", hub.port, "--group", "workers", "jobs.#");
    await using second = python.run("subscribe", hub.port, "--group", "workers", "jobs.#");
    await Promise.all([first, second].map(subscribed));
    await using publisher = python.run("publish", hub.port, "jobs.new", "1", "2", "3", "4");
    assert.equal((await publisher.ended()).code, 0);
    const lines = await collect([first, second], 4);
    assert.deepEqual(lines.sort(), ["jobs.new 1", "jobs.new 2", "jobs.new 3", "jobs.new 4"]);
    assert.equal(await hub.metric("trunkline_broker_delivered_total"), 4);
  },
});

testBoth("an error of the hub is told with its code", async ({ run }) => {
  await using hub = await TestHub.start();
  const wrong: [ExampleProgram, RegExp][] = [
    [run("publish", hub.port, "nobody.here", "x"), /^NO_ROUTE_FOUND: Nobody is subscribed to nobody\.here$/],
    [run("publish", hub.port, "not a topic", "x"), /^MALFORMED_MESSAGE: Cannot read the topic "not a topic"/],
    [run("publish", hub.port, "a:b", "x"), /^Cannot use the topic .a:b./],
    [run("publish", hub.port, "a".repeat(600), "x"), /^MALFORMED_MESSAGE: /],
    [run("publish", hub.port, "system.metrics", "x"), /^FORBIDDEN: /],
    [run("subscribe", hub.port, "a.#.b"), /^INVALID_REQUEST: Cannot read topic: it is no pattern/],
  ];
  for (const [program, expected] of wrong) {
    await using running = program;
    const { code, out, err } = await running.ended();
    assert.deepEqual([code, out, err.length], [1, [], 1], err.join("\n"));
    assert.match(err[0] ?? "", expected);
  }
});

testBoth("a hub that is not there is told, and so is wrong usage", async ({ run }) => {
  for (const program of ["publish", "subscribe"] as const) {
    const topic = program === "publish" ? ["a.b", "x"] : ["a.b"];
    await using unreachable = run(program, 1, ...topic);
    const { code, err } = await unreachable.ended();
    assert.deepEqual([code, err.length], [1, 1], err.join("\n"));
    assert.match(err[0] ?? "", /^Cannot talk to the hub at .*127\.0\.0\.1:1\b/);
    for (const args of [[], ["--unknown"]]) {
      await using wrong = run(program, 1, ...args);
      const { code, err } = await wrong.ended();
      assert.equal(code, 2);
      assert.match(err.join("\n"), /usage: /i);
    }
  }
});

testBoth("what others publish does not control the terminal", async ({ run }) => {
  await using hub = await TestHub.start();
  await using subscriber = run("subscribe", hub.port, "a.b");
  await subscribed(subscriber);
  await using publisher = await TextClient.connect({ port: hub.port });
  await publisher.send("publish:a.b:1.0.0\n\x1b[31mred\nline");
  assert.equal(await subscriber.out.next(), "a.b \u{fffd}[31mred\u{fffd}line");
  await publisher.send(new Uint8Array([...new TextEncoder().encode("publish:a.b:1.0.0\n"), 0xff, 0x41]));
  assert.equal(await subscriber.out.next(), "a.b \u{fffd}A");
});

testBoth(
  "a subscriber comes back when its hub stops or is cut off, and subscribes again",
  async ({ run }) => {
    await using first = await TestHub.start(["shutdown.spread=0s"]);
    await using second = await TestHub.start();
    await using door = await Door.open(first.port);
    await using subscriber = run("subscribe", door.port, "a.b");
    await subscribed(subscriber);
    door.leadTo(second.port);
    await first.server.stop();
    assert.match(await subscriber.err.next(), /^Lost the connection: 4503\b.*; trying again in /);
    await subscribed(subscriber);
    door.cut();
    assert.match(await subscriber.err.next(), /^Lost the connection: .*; trying again in /);
    await subscriber.err.find(/^Subscribed to /);
    await using publisher = run("publish", second.port, "a.b", "again");
    assert.equal((await publisher.ended()).code, 0);
    assert.equal(await subscriber.out.next(), "a.b again");
  },
);

testBoth(
  "a subscriber that was too slow tells what it lost",
  async ({ run }) => {
    await using hub = await startSlowHub();
    await using subscriber = run("subscribe", hub.port, "a.b");
    await subscribed(subscriber);
    subscriber.signal("SIGSTOP");
    await publishUntilDropped(hub, "a.b");
    subscriber.signal("SIGCONT");
    const [line] = await Promise.all([
      subscriber.err.next(),
      // Somebody has to read what it prints, or it stops again.
      subscriber.out.find(/^a\.b last$/),
      publishLast(hub.port),
    ]);
    assert.match(line, /^Lost [1-9]\d* messages of a\.b: /);
  },
  Deno.build.os === "windows",
);

async function publishLast(port: number): Promise<void> {
  await using publisher = await TextClient.connect({ port });
  await publisher.send("publish:a.b:1.0.0\nlast");
}

const REFUSED = /^The hub closed the connection: 4401 no such token$/;

Deno.test("Examples in Deno: a subscriber whose login is refused does not come back", async () => {
  await using hub = new StandInHub();
  await using subscriber = ExampleProgram.deno("deno/subscribe.ts", ["--url", hub.url, "a.b"]);
  (await hub.accept()).close(4401, "no such token");
  const { code, err } = await subscriber.ended();
  assert.equal(code, 1);
  assert.match(err.join("\n"), REFUSED);
});

Deno.test({
  name: `Examples in Python: a subscriber whose login is refused does not come back ${PYTHON_NEEDED}`,
  ignore: python.ignore,
  fn: async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using subscriber = python.run("subscribe", (listener.addr as Deno.NetAddr).port, "a.b");
    using connection = await listener.accept();
    const goodbye = 'publish:system.close:1.0.0:1\n{"code":4401,"reason":"no such token"}';
    await connection.write(prefixed(goodbye));
    const { code, err } = await subscriber.ended();
    assert.equal(code, 1);
    assert.match(err.join("\n"), REFUSED);
  },
});

Deno.test({
  name: `Examples in Python: a silent subscriber answers the hub's heartbeats ${PYTHON_NEEDED}`,
  ignore: python.ignore,
  fn: async () => {
    await using hub = await TestHub.start(["hub.heartbeat.interval=100ms", "hub.heartbeat.timeout=1m"]);
    await using subscriber = python.run("subscribe", hub.port, "a.b");
    await subscribed(subscriber);
    // The first is its subscription, the others are answers; the hub asks again only who answered.
    while (await hub.metric('trunkline_messages_received_total{transport="text"}') < 4);
  },
});

Deno.test({
  name: `Examples: over TLS with an own authority ${PYTHON_NEEDED}`,
  ignore: python.ignore,
  fn: async () => {
    using certificates = await TestCertificates.create();
    await using hub = await TestHub.start(certificates.settings);
    const { caPath } = certificates;
    const url = `wss://localhost:${hub.port}/`;
    await using subscriber = ExampleProgram.deno("deno/subscribe.ts", ["--url", url, "a.b"], {
      env: { DENO_CERT: caPath },
    });
    await subscribed(subscriber);
    const tls = ["--host", "localhost", "--ca", caPath];
    await using publisher = python.run("publish", hub.port, ...tls, "a.b", "secret");
    assert.deepEqual(await publisher.ended(), { code: 0, out: ["Delivered: a.b"], err: [] });
    assert.equal(await subscriber.out.next(), "a.b secret");
    await using distrustful = python.run("publish", hub.port, "--host", "localhost", "--tls", "a.b", "x");
    const { code, err } = await distrustful.ended();
    assert.equal(code, 1);
    assert.match(err.join(), /certificate verify failed/);
  },
});

Deno.test("Browser example: a port that is none is wrong usage", async () => {
  for (const args of [["abc"], ["65536"], ["-1"], ["1.5"], [""], ["0", "0"]]) {
    const permissions = ["--allow-net", "--allow-read"];
    await using server = ExampleProgram.deno("browser/serve.ts", args, { permissions });
    const { code, out, err } = await server.ended();
    assert.deepEqual([code, out, err.length], [2, [], 1], args.join(" "));
    assert.match(err[0] ?? "", /^Usage: serve\.ts \[port\]/);
  }
});
