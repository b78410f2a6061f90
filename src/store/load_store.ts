/** Puts what a file holds back into memory. */
import type { MessageRow, TenantRow } from "./journal_batch.ts";
import type { KeptMessage } from "./message_store.ts";
import type { StoreFile } from "./store_file.ts";
import type { TenantMemory } from "./tenant_memory.ts";
import { TopicHistory } from "./topic_history.ts";
import type { Topic } from "./topic_tree.ts";

/** Messages that are put back before others get their turn. */
const PART = 5_000;

/** How a file is loaded. */
export interface LoadOptions {
  /** Gives the memory of a tenant. */
  readonly tenantOf: (row: TenantRow) => TenantMemory;
  readonly nowMs: number;
}

/** The highest numbers that were given. */
export interface LoadedNumbers {
  readonly seq: number;
  readonly topic: number;
}

interface LoadedTopic {
  readonly tenant: TenantMemory;
  readonly topic: Topic;
  readonly valueSeq: number | undefined;
}

/** Loads all of a file. */
export async function loadStore(file: StoreFile, { tenantOf, nowMs }: LoadOptions): Promise<LoadedNumbers> {
  const tenants = new Map<number, TenantMemory>();
  for (const row of file.tenants()) tenants.set(row.number, restoreTenant(tenantOf(row), row));
  const topics = restoreTopics(file, tenants);
  let [seq, loaded] = [0, 0];
  for (const row of file.messages()) {
    seq = row.seq;
    restoreMessage(row, { topics, nowMs });
    // A signal to end, say, is heard while a large file is loaded.
    if (++loaded % PART === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  for (const tenant of tenants.values()) tenant.settle();
  return { seq, topic: [...topics.keys()].reduce((highest, number) => Math.max(highest, number), 0) };
}

function restoreTenant(tenant: TenantMemory, row: TenantRow): TenantMemory {
  const { lastId, forgottenId } = row;
  const [latestMs, forgottenAtMs] = [row.latestMs ?? -Infinity, row.forgottenAtMs ?? -Infinity];
  tenant.restore({ lastId, latestMs, forgottenId, forgottenAtMs });
  return tenant;
}

function restoreTopics(
  file: StoreFile,
  tenants: ReadonlyMap<number, TenantMemory>,
): Map<number, LoadedTopic> {
  const values = new Map(file.values().map(({ topic, seq }) => [topic, seq]));
  const topics = new Map<number, LoadedTopic>();
  for (const { number, tenant: owner, key, size, ttlMs, trimmedId, trimmedAtMs } of file.topics()) {
    const tenant = tenants.get(owner);
    if (tenant === undefined) continue;
    const history = size === null || ttlMs === null ? null : new TopicHistory({ size, ttlMs });
    if (history !== null) {
      history.trimmedId = trimmedId;
      history.trimmedAtMs = trimmedAtMs ?? -Infinity;
    }
    const topic = tenant.restoreTopic(key, { number, history });
    topics.set(number, { tenant, topic, valueSeq: values.get(number) });
  }
  return topics;
}

function restoreMessage(
  row: MessageRow,
  { topics, nowMs }: { topics: ReadonlyMap<number, LoadedTopic>; nowMs: number },
): void {
  const loaded = topics.get(row.topic);
  if (loaded === undefined) return;
  const { tenant, topic, valueSeq } = loaded;
  const { seq, id, name, version, requestId, payload, atMs, placedMs } = row;
  const { key: topicKey } = topic;
  const message: KeptMessage = {
    id,
    // Most are written in lower case; one text for all of them then.
    topic: name === topicKey ? topicKey : name,
    topicKey,
    version,
    requestId,
    payload,
    atMs,
  };
  const places = { inHistory: row.inHistory === 1, isRetained: seq === valueSeq, placedMs };
  tenant.restoreMessage(topic, { message, seq, places, nowMs });
}
