/** What is written to disk at once: everything that happened since the batch before. Plain data, made to be posted. */
import type { MessageColumns } from "./message_columns.ts";

/** A tenant as it stands after the batch. */
export interface TenantRow {
  readonly number: number;
  readonly name: string;
  readonly lastId: string | null;
  /** The latest time of its messages; `null` when there was none. */
  readonly latestMs: number | null;
  readonly knownFromId: string | null;
  readonly knownFromMs: number;
  readonly forgottenId: string | null;
  /** `null`: nothing was forgotten. */
  readonly forgottenAtMs: number | null;
  /** As {@link import("./known_ids.ts").KnownIds.gapText} gives them. */
  readonly gaps: string;
}

/** A topic as it stands after the batch. */
export interface TopicRow {
  readonly number: number;
  readonly tenant: number;
  readonly key: string;
  /** The rules of its history; `null`: it has none. */
  readonly size: number | null;
  readonly ttlMs: number | null;
  readonly trimmedId: string | null;
  readonly trimmedAtMs: number | null;
}

/** A message as it is written. */
export interface MessageRow {
  readonly seq: number;
  /** The number of its topic. */
  readonly topic: number;
  /** 1: it is in the topic's history. */
  readonly inHistory: number;
  readonly id: string;
  /** The topic as it was written. */
  readonly name: string;
  readonly version: string;
  readonly requestId: string | null;
  readonly atMs: number;
  /** Its time in the order of messages, which is another one when the clock of the wall went back. */
  readonly placedMs: number;
  readonly payload: Uint8Array;
}

/** The batch. */
export interface JournalBatch {
  readonly tenants: readonly TenantRow[];
  readonly topics: readonly TopicRow[];
  /** Numbers of topics that are not remembered any more. */
  readonly removedTopics: readonly number[];
  readonly messages: MessageColumns;
  /** Messages that are kept nowhere any more: the first and the last number of each run, one after the other. */
  readonly drops: readonly number[];
  /** Messages that are in no history any more. */
  readonly demotes: readonly number[];
  /** The retained message of topics; `null`: none. */
  readonly values: readonly (readonly [topic: number, seq: number | null])[];
  /** Nothing comes after it. */
  readonly isLast: boolean;
}
