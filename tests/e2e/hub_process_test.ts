import assert from "node:assert/strict";
import { DenoProcess, type ProcessResult, runDeno, taskArguments } from "../helpers/process.ts";
import { RawClient, upgradeRequest } from "../helpers/raw_client.ts";
import { WsClient } from "../helpers/ws_client.ts";
import { bundleMain } from "../../tools/bundle.ts";

const FREE_PORTS = [
  "--set",
  "hub.listen=127.0.0.1:0",
  "--set",
  "metrics.listen=127.0.0.1:0",
  "--set",
  "public.listen=127.0.0.1:0",
];

interface Ready {
  readonly hub: string;
  readonly metrics: string;
}

async function readyOf(process: DenoProcess): Promise<Ready> {
  const { listeners } = JSON.parse(await process.nextLine());
  const urlOf = (name: string) => listeners.find((listener: { name: string }) => listener.name === name).url;
  return { hub: urlOf("hub"), metrics: urlOf("metrics") };
}

/** What every way of running the hub has to do. */
async function smoke(process: DenoProcess): Promise<ProcessResult> {
  const { hub, metrics } = await readyOf(process);
  await using alice = await WsClient.connect(`${hub}/relay`);
  await using bob = await WsClient.connect(`${hub}/relay`);
  alice.send("over the process's border");
  assert.equal(await bob.next(), "over the process's border");
  const text = await (await fetch(`${metrics}/metrics`)).text();
  assert.match(text, /^trunkline_messages_received_total\{transport="websocket"\} 1$/m);
  assert.match(text, /^process_resident_memory_bytes [1-9]/m);
  assert.match(text, /^process_cpu_seconds_total\{mode="user"\} [0-9.]*[1-9]/m);
  assert.equal((await (await fetch(`${metrics}/readyz`)).json()).status, "ok");
  process.kill("SIGTERM");
  assert.equal((await bob.closed).code, 4503);
  return await process.ended();
}

/** As a terminal and a parent process do together; signals at the very same time would be one. */
async function pressTwice(process: DenoProcess): Promise<void> {
  for (let press = 0; press < 2; press++) {
    process.kill("SIGINT");
    for (let turn = 0; turn < 20; turn++) await Deno.stat(".");
  }
}

/** False once the process has ended. */
function isPressed(process: DenoProcess): boolean {
  try {
    process.kill("SIGINT");
    return true;
  } catch {
    return false;
  }
}

const onWindows = Deno.build.os === "windows";

/** Only tells how much memory the machine has; the hub works without. */
const MEMORY = "--allow-sys=systemMemoryInfo";

Deno.test({
  name: "Hub process: relays, counts and ends with 0 under exactly the permissions of `deno task start`",
  ignore: onWindows,
  fn: async () => {
    const args = await taskArguments("start");
    assert.ok(args.every((arg) => arg !== "-A" && arg !== "--allow-all"));
    await using process = new DenoProcess([...args, "--json", ...FREE_PORTS]);
    const { code, stderr } = await smoke(process);
    assert.equal(code, 0, stderr);
    for (const line of stderr.trim().split("\n")) assert.doesNotThrow(() => JSON.parse(line), line);
  },
});

Deno.test("Hub process: ends with 0 when an administrator drains it", async () => {
  const args = await taskArguments("start");
  await using process = new DenoProcess([...args, "--json", ...FREE_PORTS]);
  const { hub } = await readyOf(process);
  await using admin = await WsClient.connect(`${hub}/`);
  admin.send("request:system.control.drain:1.0.0:8d0f6f0e-6ad5-4a54-9a5e-0e8f0f6d5f11\n{}");
  const answers = [await admin.next(), await admin.next()];
  assert.match(String(answers[1]), /^response:system\.control\.drain:.*\n\{"status":"success"\}$/);
  assert.equal((await admin.closed).code, 4503);
  const { code, stderr } = await process.ended();
  assert.equal(code, 0, stderr);
  const messages = stderr.trim().split("\n").map((line) => JSON.parse(line).message);
  assert.deepEqual(messages.slice(1), [
    "An administrator stops the hub",
    "Stopping on request; a signal, sent twice, ends at once",
    "The hub has stopped",
  ]);
});

Deno.test({
  name: "Hub process: every permission of `deno task start` is needed",
  ignore: onWindows,
  fn: async () => {
    const args = await taskArguments("start");
    const permissions = args.filter((arg) => arg.startsWith("--allow-") && arg !== MEMORY);
    assert.ok(permissions.length > 0);
    for (const left of permissions) {
      const fewer = args.filter((arg) => arg !== left);
      const { code, stderr } = await runDeno([...fewer, ...FREE_PORTS]);
      assert.notEqual(code, 0, `the hub starts without ${left}`);
      assert.match(stderr, new RegExp(`${left}|requires ${left.slice("--allow-".length)} access`, "i"));
    }
  },
});

Deno.test({
  name: "Hub process: does without knowing how much memory the machine has",
  ignore: onWindows,
  fn: async () => {
    const args = await taskArguments("start");
    assert.ok(args.includes(MEMORY));
    const fewer = args.filter((arg) => arg !== MEMORY);
    await using process = new DenoProcess([...fewer, "--json", ...FREE_PORTS]);
    assert.equal((await smoke(process)).code, 0);
  },
});

Deno.test({
  name: "Hub process: the bundle does the same as the tree",
  ignore: onWindows,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      const file = `${folder}/trunkline.js`;
      await bundleMain(file);
      const args = (await taskArguments("start")).map((arg) => arg === "main.ts" ? file : arg);
      await using process = new DenoProcess([...args, "--json", ...FREE_PORTS], { cwd: folder });
      assert.equal((await smoke(process)).code, 0);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "Hub process: a second signal ends at once, with 0",
  ignore: onWindows,
  fn: async () => {
    await using process = new DenoProcess([...await taskArguments("start"), "--json", ...FREE_PORTS]);
    const { hub } = await readyOf(process);
    using deaf = await RawClient.upgraded(Number(new URL(hub).port));
    process.kill("SIGINT");
    assert.equal(await deaf.readCloseCode(), 4503);
    process.kill("SIGTERM");
    assert.equal((await process.ended()).code, 0);
    await deaf.readToEnd();
  },
});

Deno.test({
  name: "Hub process: a Ctrl-C that comes twice is one stop, and a later one ends at once",
  ignore: onWindows,
  fn: async () => {
    const patient = ["--set", "shutdown.grace=1h", "--set", "shutdown.spread=0s"];
    const args = [...await taskArguments("start"), "--json", ...patient, ...FREE_PORTS];
    {
      await using process = new DenoProcess(args);
      const { hub } = await readyOf(process);
      await using client = await WsClient.connect(`${hub}/relay`);
      await pressTwice(process);
      assert.equal((await client.closed).code, 4503);
      const { code, stderr } = await process.ended();
      assert.deepEqual([code, /The hub has stopped/.test(stderr)], [0, true], stderr);
    }
    await using process = new DenoProcess(args);
    const { hub } = await readyOf(process);
    using deaf = await RawClient.upgraded(Number(new URL(hub).port));
    await pressTwice(process);
    assert.equal(await deaf.readCloseCode(), 4503);
    while (isPressed(process)) await Deno.stat(".");
    const { code, stderr } = await process.ended();
    assert.deepEqual([code, /The hub has stopped/.test(stderr)], [0, false], stderr);
  },
});

for (const by of ["SIGHUP", "a change of its file"] as const) {
  Deno.test({
    name: `Hub process: reads its configuration again by ${by}, the same flags over it`,
    ignore: by === "SIGHUP" && onWindows,
    fn: async () => {
      const folder = await Deno.makeTempDir();
      try {
        const file = `${folder}/config.yaml`;
        const tokens = (...names: string[]) =>
          Deno.writeTextFile(
            file,
            JSON.stringify({
              auth: {
                mode: "required",
                tokens: names.map((subject) => ({ token: `token-of-${subject}-0001`, subject })),
              },
            }),
          );
        await tokens("alice", "bob");
        const watch = `config.watch=${by !== "SIGHUP"}`;
        const args = [...await taskArguments("start"), "--json", "-c", file, ...FREE_PORTS, "--set", watch];
        await using process = new DenoProcess(args);
        const { hub } = await readyOf(process);
        const port = Number(new URL(hub).port);
        const request = (subject: string) =>
          upgradeRequest({ path: "/relay", fields: { Authorization: `Bearer token-of-${subject}-0001` } });
        using alice = await RawClient.connect(port);
        await alice.write(request("alice"));
        assert.match(await alice.readHead(), /^HTTP\/1\.1 101 /);
        await tokens("bob");
        if (by === "SIGHUP") process.kill(by);
        assert.equal(await alice.readCloseCode(), 4401);
        using bob = await RawClient.connect(port);
        await bob.write(request("bob"));
        assert.match(await bob.readHead(), /^HTTP\/1\.1 101 /);
        process.kill("SIGTERM");
        const { code, stderr } = await process.ended();
        assert.equal(code, 0, stderr);
        const reloaded = stderr.trim().split("\n").map((line) => JSON.parse(line))
          .find(({ message }) => message === "The configuration was loaded anew");
        assert.deepEqual([reloaded.changed, reloaded.ended], [["auth.tokens"], 1]);
        assert.ok(!stderr.includes("token-of-"));
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

Deno.test("Hub process: prints one line per listener for people", { ignore: onWindows }, async () => {
  await using process = new DenoProcess([...await taskArguments("start"), ...FREE_PORTS]);
  assert.match(
    await process.nextLine(),
    /^hub +ws:\/\/127\.0\.0\.1:\d+ +broker at \/ \/ws, relay at \/relay$/,
  );
  assert.match(
    await process.nextLine(),
    /^public +http:\/\/127\.0\.0\.1:\d+ +HTTP tunnels at \*\.localhost$/,
  );
  assert.match(await process.nextLine(), /^metrics +http:\/\/127\.0\.0\.1:\d+ +at \/metrics$/);
  process.kill("SIGTERM");
  assert.equal((await process.ended()).code, 0);
});

Deno.test("Hub process: a port in use and missing certificates end with 2 and one clear line", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const args = await taskArguments("start");
  const inUse = await runDeno([
    ...args,
    "--quiet",
    ...FREE_PORTS,
    "--set",
    `hub.listen=127.0.0.1:${listener.addr.port}`,
  ]);
  assert.equal(inUse.code, 2);
  assert.match(inUse.stderr, /^Cannot listen on 127\.0\.0\.1:\d+: the port is already in use.*\n$/);
  const missing = await runDeno([
    ...args,
    "--quiet",
    "--set",
    "hub.tls={cert: nowhere.pem, key: nowhere.pem}",
  ]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /^Cannot read hub\.tls\.cert from .*nowhere\.pem: the file does not exist\n$/);
});
