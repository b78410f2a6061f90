/** What a kept message costs in memory, beside its payload and its texts too. */
import type { KeptMessage } from "./message_store.ts";

/** The objects of one message: itself, its array of bytes, its id and its place in a history. Measured. */
export const MESSAGE_OVERHEAD_BYTES = 400;

/** What one kept message is counted as. */
export function keptBytes({ topic, version, requestId, payload }: KeptMessage): number {
  return MESSAGE_OVERHEAD_BYTES + payload.length + topic.length + version.length + (requestId?.length ?? 0);
}

/** The objects of one topic of which something is kept: its place in the tree, its ring. Measured. */
export const TOPIC_OVERHEAD_BYTES = 600;
