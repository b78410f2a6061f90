/** Waiting by turns of the event loop, without a clock. */

/** Lets the event loop turn until something is so. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise<void>((next) => setImmediate(next));
}
