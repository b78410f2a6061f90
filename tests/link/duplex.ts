/** Reading from, and waiting for, streams of bytes. */
import type { Duplex } from "node:stream";
import { concat } from "../helpers/prefixed.ts";

/** Everything that comes until the end. */
export async function readAll(stream: Duplex): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return concat(chunks);
}

/** Until the condition holds, checked after each turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Writes pieces until writing waits for good; gives how many bytes that were, at most a little over `maxBytes`. */
export async function writeUntilBlocked(
  stream: Duplex,
  { write, maxBytes }: { write: () => number; maxBytes: number },
): Promise<number> {
  let written = 0;
  for (let idle = 0; idle < 2000 && written < maxBytes;) {
    if (stream.writableNeedDrain) idle++;
    else {
      idle = 0;
      written += write();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  return written;
}
