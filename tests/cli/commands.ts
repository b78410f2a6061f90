/** Runs the command line inside a test. */
import assert from "node:assert/strict";
import { runCli } from "../../src/cli/cli.ts";
import { MemoryIo, type MemoryIoOptions } from "./memory_io.ts";

/** A command that has ended. */
export interface Ran {
  readonly code: number;
  readonly io: MemoryIo;
}

/** Runs a command to its end. */
export async function run(args: readonly string[], options: MemoryIoOptions = {}): Promise<Ran> {
  const io = new MemoryIo(options);
  return { code: await runCli(args, io), io };
}

/** A `sub` that goes on in the background. */
export interface RunningSub {
  readonly io: MemoryIo;
  readonly ended: Promise<number>;
}

/** Starts `sub` and waits until everything is subscribed. */
export async function startSub(args: readonly string[], options: MemoryIoOptions = {}): Promise<RunningSub> {
  const io = new MemoryIo(options);
  const ended = runCli(["sub", ...args], io);
  await Promise.race([
    io.says(/^Subscribed to /m),
    ended.then((code) => assert.fail(`sub ended with ${code} before it subscribed: ${io.errors}`)),
  ]);
  return { io, ended };
}
