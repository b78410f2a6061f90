/** One run of a command, with real shells. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type CommandOutcome, type CommandRun, runCommand } from "../../src/agent/command_run.ts";

const onWindows = Deno.build.os === "windows";

function run(command: string, options: Partial<CommandRun> = {}): Promise<CommandOutcome> {
  return runCommand({
    command,
    input: new Uint8Array(0),
    env: {},
    maxOutputBytes: 100_000,
    timeoutMs: 60_000,
    signal: new AbortController().signal,
    ...options,
  });
}

function textOf(outcome: CommandOutcome): string {
  assert.equal(outcome.kind, "output");
  return outcome.kind === "output" ? new TextDecoder().decode(outcome.output) : "";
}

/** Whether a process still runs; a zombie does not. */
async function isRunning(pid: string): Promise<boolean> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  return stat !== "" && !/\) Z /.test(stat);
}

Deno.test({
  name: "runCommand: input and output are byte for byte the same through cat",
  ignore: onWindows,
  fn: async () => {
    const input = new Uint8Array(90_000).map((_, at) => at * 7);
    assert.deepEqual(await run("cat", { input }), { kind: "output", output: Buffer.from(input) });
  },
});

Deno.test({
  name: "runCommand: a command need not read its input",
  ignore: onWindows,
  fn: async () => {
    assert.equal(textOf(await run("echo done", { input: new Uint8Array(5_000_000) })), "done\n");
  },
});

Deno.test({
  name: "runCommand: a failure tells how it ended, with the last line of its errors",
  ignore: onWindows,
  fn: async () => {
    const noise = "i=0; while [ $i -lt 2000 ]; do echo line $i >&2; i=$((i+1)); done";
    const failures: [string, RegExp][] = [
      ["exit 3", /^exit code 3$/],
      ["echo first >&2; echo 'last \x1b[2J' >&2; echo >&2; exit 1", /^exit code 1: last \\x1b\[2J$/],
      [`${noise}; exit 1`, /^exit code 1: line 1999$/],
      ["kill -TERM $$", /^signal SIGTERM$/],
      ["no_such_program_at_all", /^exit code 127: .*no_such_program_at_all/],
      ["printf %04000d 1 >&2; exit 1", /^exit code 1: 0{300}\.\.\.$/],
    ];
    for (const [command, reason] of failures) {
      const outcome = await run(command);
      assert.equal(outcome.kind, "failed", command);
      if (outcome.kind === "failed") assert.match(outcome.reason, reason);
    }
  },
});

Deno.test({
  name: "runCommand: what writes too much is ended",
  ignore: onWindows,
  fn: async () => {
    assert.deepEqual(await run("yes", { maxOutputBytes: 1000 }), { kind: "too_long" });
    assert.equal(textOf(await run("printf %01000d 1", { maxOutputBytes: 1000 })).length, 1000);
    assert.deepEqual(await run("printf %01001d 1", { maxOutputBytes: 1000 }), { kind: "too_long" });
  },
});

Deno.test({
  name: "runCommand: late or stopped, it is ended with all that it started",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      const stopping = new AbortController();
      const file = `${folder}/pid`;
      const command = `sleep 1000 & echo $! > ${file}.new; mv ${file}.new ${file}; wait`;
      const stopped = run(command, { signal: stopping.signal });
      while (!await Deno.stat(file).catch(() => null));
      const pid = (await Deno.readTextFile(file)).trim();
      assert.ok(await isRunning(pid));
      stopping.abort();
      assert.deepEqual(await stopped, { kind: "stopped" });
      while (await isRunning(pid));
      assert.deepEqual(await run("sleep 1000; true", { timeoutMs: 20 }), { kind: "late" });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "runCommand: who went into another session and holds the output does not hold the answer",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    assert.deepEqual(await run("setsid sleep 5 &", { timeoutMs: 50 }), { kind: "late" });
  },
});
