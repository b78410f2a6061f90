/**
 * Small changes of bytes, as a broken or hostile peer makes them.
 */
import type { Random } from "./random.ts";

const EDGES = [0x00, 0x01, 0x02, 0x7f, 0x80, 0xff] as const;

/** Changes a few bytes, or takes some away, or puts some in, or repeats a part. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let changed: Uint8Array = bytes.slice();
  for (let left = 1 + random.below(3); left > 0; left--) changed = mutateOnce(changed, random);
  return changed;
}

function mutateOnce(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length + 1);
  switch (random.below(6)) {
    case 0:
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = random.pick(EDGES);
      return bytes;
    case 2:
      return bytes.slice(0, at);
    case 3:
      return spliced(bytes, { from: at, to: at, middle: random.bytes(1 + random.below(8)) });
    case 4:
      return spliced(bytes, { from: at, to: Math.min(bytes.length, at + random.below(16)) });
    default:
      return spliced(bytes, { from: at, to: at, middle: bytes.subarray(at, at + random.below(32)) });
  }
}

interface Splice {
  readonly from: number;
  readonly to: number;
  readonly middle?: Uint8Array;
}

function spliced(bytes: Uint8Array, { from, to, middle = new Uint8Array(0) }: Splice): Uint8Array {
  const whole = new Uint8Array(from + middle.length + bytes.length - to);
  whole.set(bytes.subarray(0, from));
  whole.set(middle, from);
  whole.set(bytes.subarray(to), from + middle.length);
  return whole;
}
