/**
 * What happened in the memory of all tenants and is not on its way to the disk yet. Bounded in bytes: what comes beyond
 * is not written, which whoever asks is told. A batch that could not be written is taken back, and what came
 * since is joined to it.
 */
import type { JournalBatch, MessageRow, TenantRow, TopicRow } from "./journal_batch.ts";
import { keptBytes } from "./kept_bytes.ts";
import { packMessages } from "./message_columns.ts";
import type { KeptMessage } from "./message_store.ts";
import { SeqRuns } from "./seq_runs.ts";
import type { KeptPlaces, TenantJournal } from "./store_journal.ts";
import type { TenantMemory } from "./tenant_memory.ts";
import type { Topic } from "./topic_tree.ts";

/** What the queue works with. */
export interface JournalQueueOptions {
  /** Most bytes of messages that wait, with what each costs beside its payload. */
  readonly maxBytes: number;
  /** Called when something is there to be written and nothing was before. */
  readonly onWork: () => void;
}

/** A message that waits. */
interface Waiting {
  readonly topic: Topic;
  readonly message: KeptMessage;
  readonly placedMs: number;
  inHistory: boolean;
}

/** What waits: the order of messages is that of the map, of the rest only what became of it counts. */
class Changes {
  readonly messages = new Map<number, Waiting>();
  readonly tenants = new Set<TenantNotes>();
  /** Topics and values go by the number of the topic. */
  readonly topics = new Map<number, { readonly topic: Topic; readonly notes: TenantNotes }>();
  /** Those of which no batch before this one has said anything. */
  readonly newTopics = new Set<number>();
  readonly removedTopics: number[] = [];
  readonly drops = new SeqRuns();
  readonly demotes: number[] = [];
  readonly values = new Map<number, number | null>();
}

/** The queue. */
export class JournalQueue {
  /** Messages that were not written because too much was waiting already; never falls. */
  lost = 0;
  readonly #options: JournalQueueOptions;
  #changes = new Changes();
  #sent: Changes | null = null;
  #bytes = 0;
  #sentBytes = 0;
  #isDirty = false;
  #nextSeq = 1;
  #nextTopic = 1;

  constructor(options: JournalQueueOptions) {
    this.#options = options;
  }

  /** Numbers up to these were given before a restart. */
  skip({ seq, topic }: { readonly seq: number; readonly topic: number }): void {
    this.#nextSeq = Math.max(this.#nextSeq, seq + 1);
    this.#nextTopic = Math.max(this.#nextTopic, topic + 1);
  }

  /** Whether something is there to be written. */
  get isDirty(): boolean {
    return this.#isDirty;
  }

  /** Whether there is no room for more. */
  get isFull(): boolean {
    return this.#bytes + this.#sentBytes >= this.#options.maxBytes;
  }

  /** Messages that wait or are on their way. */
  get length(): number {
    return this.#changes.messages.size + (this.#sent?.messages.size ?? 0);
  }

  /** Takes notes for a tenant. */
  notes(number: number, name: string): TenantNotes {
    return new TenantNotes(this, { number, name });
  }

  /** What is to be written next. It counts until it is {@link done} or {@link takeBack}. */
  take(isLast: boolean): JournalBatch {
    const changes = this.#changes;
    [this.#sent, this.#sentBytes] = [changes, this.#bytes];
    [this.#changes, this.#bytes, this.#isDirty] = [new Changes(), 0, false];
    const rows: MessageRow[] = [];
    for (const [seq, waiting] of changes.messages) rows.push(messageRow(seq, waiting));
    return {
      tenants: [...changes.tenants].flatMap((notes) => notes.row()),
      topics: [...changes.topics.values()].map(({ topic, notes }) => topicRow(topic, notes.number)),
      removedTopics: changes.removedTopics,
      messages: packMessages(rows),
      drops: changes.drops.bounds,
      demotes: changes.demotes,
      values: [...changes.values],
      isLast,
    };
  }

  /** What was taken is written. */
  done(): void {
    [this.#sent, this.#sentBytes] = [null, 0];
  }

  /** What was taken could not be written, and waits again before what came since. */
  takeBack(): void {
    const [earlier, later] = [this.#sent, this.#changes];
    if (earlier === null) return;
    this.done();
    [this.#changes, this.#bytes] = [earlier, 0];
    for (const { message } of earlier.messages.values()) this.#bytes += keptBytes(message);
    for (const [seq, waiting] of later.messages) this.#add(seq, waiting);
    for (const seq of later.demotes) this.demote(seq);
    for (const seq of later.drops) this.drop(seq);
    for (const notes of later.tenants) this.advance(notes);
    for (const number of later.newTopics) earlier.newTopics.add(number);
    for (const { topic, notes } of later.topics.values()) this.note(topic, notes);
    for (const [number, seq] of later.values) earlier.values.set(number, seq);
    for (const number of later.removedTopics) this.remove(number);
    this.#work();
  }

  keep(waiting: Waiting & KeptPlaces, notes: TenantNotes): number {
    const { topic, message, inHistory, isRetained, placedMs } = waiting;
    if (topic.number === 0) this.note(topic, notes);
    if (this.isFull) {
      this.lost++;
      topic.loseOnDisk(message.id, placedMs);
      this.note(topic, notes);
      if (isRetained) this.#changes.values.set(topic.number, null);
      return 0;
    }
    const seq = this.#nextSeq++;
    this.#add(seq, { topic, message, inHistory, placedMs });
    if (isRetained) this.#changes.values.set(topic.number, seq);
    this.#work();
    return seq;
  }

  drop(seq: number): void {
    const waiting = this.#changes.messages.get(seq);
    if (waiting === undefined) {
      if (seq !== 0) this.#changes.drops.add(seq);
    } else {
      this.#changes.messages.delete(seq);
      this.#bytes -= keptBytes(waiting.message);
    }
    this.#work();
  }

  demote(seq: number): void {
    const waiting = this.#changes.messages.get(seq);
    if (waiting !== undefined) waiting.inHistory = false;
    else if (seq !== 0) this.#changes.demotes.push(seq);
    this.#work();
  }

  clear(topic: Topic): void {
    this.#changes.values.set(topic.number, null);
    this.#work();
  }

  advance(notes: TenantNotes): void {
    this.#changes.tenants.add(notes);
    this.#work();
  }

  note(topic: Topic, notes: TenantNotes): void {
    if (topic.number === 0) {
      topic.number = this.#nextTopic++;
      this.#changes.newTopics.add(topic.number);
    }
    this.#changes.topics.set(topic.number, { topic, notes });
    this.#work();
  }

  /** Removes a topic by its number. */
  remove(number: number): void {
    const { topics, newTopics, values, removedTopics } = this.#changes;
    topics.delete(number);
    // Of one that never was in the file nothing is left to say, or a disk that fails would make this grow.
    if (newTopics.delete(number)) values.delete(number);
    else if (number !== 0) removedTopics.push(number);
    this.#work();
  }

  #add(seq: number, waiting: Waiting): void {
    this.#changes.messages.set(seq, waiting);
    this.#bytes += keptBytes(waiting.message);
  }

  #work(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.#options.onWork();
  }
}

/** Takes notes of one tenant. */
export class TenantNotes implements TenantJournal {
  readonly number: number;
  readonly #queue: JournalQueue;
  readonly #name: string;
  #memory: TenantMemory | null = null;

  constructor(queue: JournalQueue, { number, name }: { readonly number: number; readonly name: string }) {
    this.#queue = queue;
    this.number = number;
    this.#name = name;
  }

  /** Whose notes they are, before the first of them is written. */
  follow(memory: TenantMemory): void {
    this.#memory = memory;
  }

  keep(topic: Topic, message: KeptMessage, places: KeptPlaces): number {
    return this.#queue.keep({ topic, message, ...places }, this);
  }

  advance(): void {
    this.#queue.advance(this);
  }

  drop(seq: number): void {
    this.#queue.drop(seq);
  }

  demote(seq: number): void {
    this.#queue.demote(seq);
  }

  clear(topic: Topic): void {
    this.#queue.clear(topic);
  }

  note(topic: Topic): void {
    this.#queue.note(topic, this);
  }

  remove({ number }: Topic): void {
    this.#queue.remove(number);
  }

  /** The tenant as it stands. */
  row(): TenantRow[] {
    if (this.#memory === null) return [];
    const { lastId, latestMs, known, forgottenId, forgottenAtMs } = this.#memory.state;
    return [{
      number: this.number,
      name: this.#name,
      lastId,
      latestMs: finite(latestMs),
      knownFromId: known.fromId,
      knownFromMs: known.fromMs,
      forgottenId,
      forgottenAtMs: finite(forgottenAtMs),
      gaps: known.gapText,
    }];
  }
}

function messageRow(seq: number, { topic, message, placedMs, inHistory }: Waiting): MessageRow {
  const { id, topic: name, version, requestId, payload, atMs } = message;
  const place = { seq, topic: topic.number, inHistory: inHistory ? 1 : 0, placedMs };
  return { ...place, id, name, version, requestId, payload, atMs };
}

function topicRow(topic: Topic, tenant: number): TopicRow {
  const { history, number, key, lostId, lostAtMs } = topic;
  const trimmedId = history?.trimmedId ?? null;
  return {
    number,
    tenant,
    key,
    size: history?.rules.size ?? null,
    ttlMs: history?.rules.ttlMs ?? null,
    trimmedId: trimmedId === null || (lostId !== null && lostId > trimmedId) ? lostId : trimmedId,
    trimmedAtMs: finite(Math.max(history?.trimmedAtMs ?? -Infinity, lostAtMs)),
  };
}

/** A time for the disk, which knows no infinity. */
function finite(ms: number): number | null {
  return Number.isFinite(ms) ? ms : null;
}
