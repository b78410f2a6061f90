/** `trunkline pub` and `trunkline sub` as processes, with nothing but the permissions of `deno task cli`. */
import assert from "node:assert/strict";
import { TestCertificates } from "../helpers/certificates.ts";
import { DenoProcess, taskArguments } from "../helpers/process.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { run, startSub } from "./commands.ts";

const onWindows = Deno.build.os === "windows";

Deno.test({
  name: "sub process: SIGTERM ends it with 0, under exactly the permissions of `deno task cli`",
  ignore: onWindows,
  fn: async () => {
    const args = await taskArguments("cli");
    assert.ok(args.every((arg) => arg !== "-A" && arg !== "--allow-all"));
    using certificates = await TestCertificates.create();
    await using hub = await TestHub.start(certificates.settings);
    for (const scheme of ["wss", "tls"]) {
      const env = { TRUNKLINE_URL: `${scheme}://localhost:${hub.port}` };
      const ca = ["--ca", certificates.caPath];
      await using sub = new DenoProcess([...args, "sub", "a", ...ca], { env });
      await using pub = new DenoProcess([...args, "pub", "a", "x", "--timeout", "9s", ...ca], { env });
      assert.equal((await pub.ended()).code, 0);
      const again = ["pub", "a", "x", "--require-subscriber", "--url", env.TRUNKLINE_URL, ...ca];
      while ((await run(again)).code !== 0);
      assert.equal(await sub.nextLine(), "a x");
      sub.kill("SIGTERM");
      const { code, stderr } = await sub.ended();
      assert.deepEqual([code, stderr], [0, "Subscribed to a\n"]);
    }
  },
});

Deno.test({
  name: "sub process: a pipe that is closed ends it with 0",
  ignore: onWindows,
  fn: async () => {
    await using hub = await TestHub.start();
    const sub = new Deno.Command(Deno.execPath(), {
      args: [...await taskArguments("cli"), "sub", "a", "--quiet", "--url", hub.url("")],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await sub.stdout.cancel();
    const errors = new Response(sub.stderr).text();
    let isOver = false;
    const ended = sub.status.finally(() => isOver = true);
    while (!isOver) await run(["pub", "a", "x", "--url", hub.url("")]);
    assert.deepEqual([(await ended).code, await errors], [0, ""]);
  },
});

Deno.test({
  name: "pub process: publishes what is piped into it",
  ignore: onWindows,
  fn: async () => {
    await using hub = await TestHub.start();
    const sub = await startSub(["a", "--count", "1", "--format", "raw", "--url", hub.url("")]);
    const pub = new Deno.Command(Deno.execPath(), {
      args: [...await taskArguments("cli"), "pub", "a", "--url", hub.url("")],
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const writer = pub.stdin.getWriter();
    await writer.write(new TextEncoder().encode("through a pipe\n"));
    await writer.close();
    const { code, stderr } = await pub.output();
    assert.deepEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
    assert.deepEqual([await sub.ended, sub.io.text], [0, "through a pipe"]);
  },
});
