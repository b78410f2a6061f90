/**
 * Gives back the memory of what sockets read as soon as it was passed on. Each read has memory of its own, 64 KiB of
 * it under load, and none of that is on the heap of the collector: left to it, a few hundred megabytes a second
 * have it mark the whole heap ten times a second, for ten milliseconds and more each time.
 *
 * Who reads says that it will be told of every byte ({@link track}); whoever passes bytes on tells once for each
 * ({@link passedOn}), at the end of a turn or later: who is handed bytes may look at them to the end of his call. Bytes
 * that somebody keeps are never told of, and then the collector has all of that read, as ever.
 */

/** Less is not worth the trouble. */
const MIN_BYTES = 16 * 1024;
/** So few bytes may be kept in the array itself, and to ask for their memory would make some. */
const TINY_BYTES = 64;

/** What was not passed on yet, by the memory that it is in. */
const missing = new WeakMap<ArrayBufferLike, number>();

const NOTHING: readonly Uint8Array[] = [];

/** Watches a read from now on, if it is memory of its own and large enough. */
export function track(read: Uint8Array): void {
  const { buffer, length } = read;
  if (length >= MIN_BYTES && length === buffer.byteLength) missing.set(buffer, length);
}

/** Whether bytes are of a read that is watched. */
export function isTracked(bytes: Uint8Array): boolean {
  return bytes.length > TINY_BYTES && bytes.buffer.byteLength >= MIN_BYTES && missing.has(bytes.buffer);
}

/**
 * Nobody looks any more at so many bytes of a read, which are those in `bytes`; behind the last of them the memory is
 * gone, and every view of it is empty.
 */
export function passedOn(bytes: Uint8Array, count = bytes.length): void {
  if (bytes.length <= TINY_BYTES) return;
  const { buffer } = bytes;
  if (buffer.byteLength < MIN_BYTES) return;
  const left = missing.get(buffer);
  if (left === undefined) return;
  if (left > count) {
    missing.set(buffer, left - count);
    return;
  }
  missing.delete(buffer);
  if (left === count && buffer instanceof ArrayBuffer) buffer.transfer(0);
}

/**
 * Of what is written as `written`, pieces were copied that are not among it: those are passed on. Gives those of reads
 * that are watched and have to be told of once they are written.
 */
export function passedOnCopied(
  pieces: readonly Uint8Array[],
  written: readonly Uint8Array[],
): readonly Uint8Array[] {
  let uncopied: Uint8Array[] | null = null;
  for (const piece of pieces) {
    if (!isTracked(piece)) continue;
    if (written.includes(piece)) (uncopied ??= []).push(piece);
    else passedOn(piece);
  }
  return uncopied ?? NOTHING;
}
