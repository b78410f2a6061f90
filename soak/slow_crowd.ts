/**
 * A crowd of slow clients of all kinds, as a process of its own: see soak/side_process.ts. Who was ended comes again; who
 * does not read cannot notice, and comes again after a while.
 */
import { processIo } from "../src/cli/io.ts";
import type { SlowClient } from "../tests/helpers/slow_client.ts";
import { isFlood, SLOW_KINDS, type SlowKind } from "../tests/helpers/slow_kinds.ts";
import { openSlow, type SlowDoors } from "../tests/helpers/slow_scene.ts";
import { answerUsage } from "./side_process.ts";
import { measureUsage } from "./usage.ts";

/** What it is told. */
export interface SlowCrowdTask {
  readonly doors: SlowDoors;
  readonly clients: number;
}

/** A byte a second. */
const DRIBBLE_MS = 1000;
/** Who does not read comes again after so long. */
const RENEW_MS = 90_000;
/** So many connect at a time. */
const BATCH = 50;
const PAUSE_MS = 100;

const { doors, clients }: SlowCrowdTask = JSON.parse(Deno.args[0] ?? "{}");
const kinds = SLOW_KINDS.filter((kind) => kind.door !== "publicTls" && !isFlood(kind));
let connections = 0;
let isOver = false;

const pause = (ms: number) => new Promise<void>((passed) => setTimeout(passed, ms));

/** One place in the crowd, for as long as it lasts. */
async function stand(kind: SlowKind, first: SlowClient): Promise<void> {
  for (let client: SlowClient | null = first; client !== null;) {
    connections++;
    await Promise.race([client.ended, pause(RENEW_MS)]);
    client[Symbol.dispose]();
    connections--;
    if (isOver) return;
    client = await open(kind);
  }
}

/** `null`: there is no place for it, or no hub. */
async function open(kind: SlowKind): Promise<SlowClient | null> {
  try {
    return await openSlow(kind, doors, DRIBBLE_MS);
  } catch (error) {
    processIo.err(`Cannot open "${kind.name}": ${error}`);
    return null;
  }
}

for (let at = 0; at < clients; at += BATCH) {
  const batch = Array.from(
    { length: Math.min(BATCH, clients - at) },
    (_, index) => kinds[(at + index) % kinds.length],
  );
  const opened = await Promise.all(
    batch.map(async (kind) => kind === undefined ? null : { kind, client: await open(kind) }),
  );
  for (const one of opened) if (one !== null && one.client !== null) void stand(one.kind, one.client);
  await pause(PAUSE_MS);
}
processIo.out(JSON.stringify({ opened: connections }));
await answerUsage(() => measureUsage(() => ({ connections, streams: 0 })));
isOver = true;
Deno.exit(0);
