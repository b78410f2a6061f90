/** `trunkline request` and `trunkline reply` as processes, with nothing but the permissions of `deno task cli`. */
import assert from "node:assert/strict";
import { TestCertificates } from "../helpers/certificates.ts";
import { DenoProcess, runDeno, taskArguments } from "../helpers/process.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { run } from "./commands.ts";

const onWindows = Deno.build.os === "windows";

/** Waits until a file is there. */
async function exists(path: string): Promise<void> {
  while (!await Deno.stat(path).catch(() => null));
}

Deno.test({
  name: "reply process: answers another process over ws, wss, tcp and tls; SIGTERM ends it with 0",
  ignore: onWindows,
  fn: async () => {
    const args = await taskArguments("cli");
    using certificates = await TestCertificates.create();
    for (const used of [null, certificates]) {
      await using hub = await TestHub.start(used?.settings);
      for (const scheme of used === null ? ["ws", "tcp"] : ["wss", "tls"]) {
        const env = { TRUNKLINE_URL: `${scheme}://localhost:${hub.port}` };
        const ca = used === null ? [] : ["--ca", used.caPath];
        await using reply = new DenoProcess([...args, "reply", "greet", "--exec", "cat", "--json", ...ca], {
          env,
        });
        const again = ["request", "greet", "first", "--url", env.TRUNKLINE_URL, ...ca];
        while ((await run(again)).code !== 0);
        await using request = new DenoProcess([...args, "request", "greet", "hello", ...ca], { env });
        assert.deepEqual(await request.ended(), { code: 0, stdout: "hello", stderr: "" }, scheme);
        for (const bytes of [5, 5]) assert.equal(JSON.parse(await reply.nextLine()).bytes, bytes);
        reply.kill("SIGTERM");
        const { code, stderr } = await reply.ended();
        assert.deepEqual([code, stderr], [0, "Answering requests to greet\n"]);
      }
    }
  },
});

Deno.test({
  name: "reply process: on SIGINT it takes no more, and finishes what it has",
  ignore: onWindows,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      await using hub = await TestHub.start();
      const to = ["--url", hub.url("")];
      const exec = `touch ${folder}/began; while [ ! -e ${folder}/go ]; do sleep 0.01; done; cat`;
      const args = [...await taskArguments("cli"), "reply", "a", "--exec", exec, "--quiet", ...to];
      await using reply = new DenoProcess(args);
      const request = ["request", "a", "x", "--timeout", "60s", ...to];
      const answered = (async () => {
        let ran = await run(request);
        while (/NO_ROUTE_FOUND/.test(ran.io.errors)) ran = await run(request);
        return ran;
      })();
      await exists(`${folder}/began`);
      reply.kill("SIGINT");
      while (
        !/NO_ROUTE_FOUND/.test((await run(["request", "a", "y", "--timeout", "50ms", ...to])).io.errors)
      );
      await Deno.writeTextFile(`${folder}/go`, "");
      const { code, io } = await answered;
      assert.deepEqual([code, io.text], [0, "x"]);
      assert.deepEqual(await reply.ended(), { code: 0, stdout: "", stderr: "" });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "reply process: a second signal ends it at once, with the commands",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      await using hub = await TestHub.start();
      const to = ["--url", hub.url("")];
      const exec = `echo $$ > ${folder}/new; mv ${folder}/new ${folder}/pid; sleep 1000; true`;
      const args = [...await taskArguments("cli"), "reply", "a", "--exec", exec, "--quiet", ...to];
      await using reply = new DenoProcess(args);
      const request = ["request", "a", "x", "--timeout", "60s", ...to];
      const answered = (async () => {
        let ran = await run(request);
        while (/NO_ROUTE_FOUND/.test(ran.io.errors)) ran = await run(request);
        return ran;
      })();
      await exists(`${folder}/pid`);
      reply.kill("SIGTERM");
      while (
        !/NO_ROUTE_FOUND/.test((await run(["request", "a", "y", "--timeout", "50ms", ...to])).io.errors)
      );
      reply.kill("SIGINT");
      assert.equal((await reply.ended()).code, 0);
      assert.match((await answered).io.errors, /SERVICE_UNAVAILABLE/);
      const pid = (await Deno.readTextFile(`${folder}/pid`)).trim();
      const stat = () => Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
      while (!/^$|\) Z /.test(await stat()));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("reply process: without the permission to run commands it says so and dials nothing", async () => {
  const args = (await taskArguments("cli")).filter((arg) => !arg.startsWith("--allow-run"));
  const { code, stderr } = await runDeno([
    ...args,
    "reply",
    "a",
    "--exec",
    "cat",
    "--url",
    "tcp://127.0.0.1:1",
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /^Cannot run commands: .*--allow-run/);
});
