/** The port to what writes down what a tenant's memory keeps and forgets, so that it lasts. */
import type { KeptMessage } from "./message_store.ts";
import type { Topic } from "./topic_tree.ts";

/** Where a message is kept, and since when. */
export interface KeptPlaces {
  readonly inHistory: boolean;
  readonly isRetained: boolean;
  /** Its time in the order of messages. */
  readonly placedMs: number;
}

/** Takes notes, in the order in which things happen; none of it fails or waits. */
export interface TenantJournal {
  /** A message is kept. Returns the number by which the others know it; 0: it is not written. */
  keep(topic: Topic, message: KeptMessage, places: KeptPlaces): number;
  /** What is known of the tenant as a whole is different now, as its last id. */
  advance(): void;
  /** A message is kept nowhere any more. */
  drop(seq: number): void;
  /** A message is not in the history any more; it is retained still. */
  demote(seq: number): void;
  /** A topic has no retained value any more. */
  clear(topic: Topic): void;
  /** The rules of a topic's history, or what is gone of it, are others now. */
  note(topic: Topic): void;
  /** A topic is not remembered any more. */
  remove(topic: Topic): void;
}
