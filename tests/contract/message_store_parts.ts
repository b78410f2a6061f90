/** What the tests of stores are made of: numbered messages, and how a store is opened. */
import type { KeptMessage, MessageStore } from "../../src/store/message_store.ts";
import type { StoreLimits } from "../../src/store/tenant_memory.ts";

/** A store under test, closed with its scope. */
export interface OpenedStore extends AsyncDisposable {
  readonly store: MessageStore;
  /** Closes the store and opens what it kept; `null` when it keeps nothing. */
  readonly reopen: (() => Promise<void>) | null;
}

/** What a store under test is made with. */
export interface OpenOptions {
  readonly limits: StoreLimits;
  /** When it opens. */
  readonly nowMs: number;
}

/** Opens a new store. */
export type OpenStore = (options: OpenOptions) => Promise<OpenedStore>;

/** When the tests take place, in milliseconds since 1970. */
export const NOW = 1_700_000_000_000;

/** A message with a numbered id. */
export function message(
  number: number,
  { topic = "A.b", payload = "hello", atMs = NOW + number }: {
    topic?: string;
    payload?: string;
    atMs?: number;
  } = {},
): KeptMessage {
  const [id, topicKey] = [idOf(number), topic.toLowerCase()];
  const bytes = new TextEncoder().encode(payload);
  return {
    id,
    topic,
    topicKey,
    version: "1.0.0",
    requestId: number % 2 ? null : `r${number}`,
    payload: bytes,
    atMs,
  };
}

/** The id of a numbered message. */
export function idOf(number: number): string {
  return `018bcfe5-6800-4abc-8000-${String(number).padStart(12, "0")}`;
}

/** The numbers in the ids of messages. */
export function numbers(messages: readonly KeptMessage[]): number[] {
  return messages.map(({ id }) => Number(id.slice(-12)));
}
