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

/** A command that goes on in the background. */
export interface Running {
  readonly io: MemoryIo;
  readonly ended: Promise<number>;
}

/** Starts `sub` and waits until everything is subscribed. */
export function startSub(args: readonly string[], options: MemoryIoOptions = {}): Promise<Running> {
  return start(["sub", ...args], options, /^Subscribed to /m);
}

/** Starts `reply` and waits until it gets requests. */
export function startReply(args: readonly string[], options: MemoryIoOptions = {}): Promise<Running> {
  return start(["reply", ...args], options, /^Answering requests to /m);
}

async function start(args: readonly string[], options: MemoryIoOptions, ready: RegExp): Promise<Running> {
  const io = new MemoryIo(options);
  const ended = runCli(args, io);
  await Promise.race([
    io.says(ready),
    ended.then((code) => assert.fail(`${args.join(" ")} ended with ${code} before it began: ${io.errors}`)),
  ]);
  return { io, ended };
}
