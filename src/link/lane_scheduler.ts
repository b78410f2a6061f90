/**
 * Which lane is served next: control strictly first, the others by weighted bytes (deficit round robin, M. Shreedhar
 * and G. Varghese, 1995), so that none starves however much the others hold.
 */
import type { Encoded } from "../core/transport.ts";
import { ByteQueue } from "./byte_queue.ts";
import { type LaneSettings, QUANTUM_BYTES } from "./lane.ts";
import { PublishLane } from "./publish_lane.ts";

/** What the scheduler needs of a lane. */
export interface ServedLane {
  readonly bytes: number;
  /** How many messages may be taken now; 0 when there are none, or none may. */
  readonly length: number;
  peekBytes(): number;
  take(): Encoded | undefined;
  clear(): void;
}

/** The lane of stream data: filled by the streams of the connection, where it has any. */
export interface StreamLane extends ServedLane {
  /** Takes the control messages of streams that are only made when they go out; gives their bytes. */
  takeControl(parts: Uint8Array[]): number;
  /** The reads whose last bytes were taken since it was asked; see {@link import("./read_memory.ts")}. */
  takenReads(): readonly Uint8Array[];
}

const NOTHING: readonly Uint8Array[] = [];

/** Stands in the data lane of a connection without streams. */
const NO_STREAMS: StreamLane = {
  bytes: 0,
  length: 0,
  peekBytes: () => 0,
  take: () => undefined,
  takeControl: () => 0,
  takenReads: () => NOTHING,
  clear: () => {},
};

/** What was taken so far, and until when to take. */
interface Draining {
  readonly parts: Uint8Array[];
  readonly bytes: number;
  readonly maxBytes: number;
}

/** A lane that shares what control leaves. */
interface SharedLane {
  lane: ServedLane;
  readonly quantum: number;
  deficit: number;
}

/** The lanes of one outbox. */
export class LaneScheduler {
  readonly control: ByteQueue;
  readonly request: ByteQueue;
  readonly publish: PublishLane;
  readonly #data: SharedLane = { lane: NO_STREAMS, quantum: QUANTUM_BYTES.data, deficit: 0 };
  readonly #shared: readonly SharedLane[];
  #streams = NO_STREAMS;
  #current = 0;

  constructor(bounds: LaneSettings) {
    this.control = new ByteQueue(bounds.control);
    this.request = new ByteQueue(bounds.request);
    this.publish = new PublishLane(bounds.publish);
    this.#shared = [
      { lane: this.request, quantum: QUANTUM_BYTES.request, deficit: 0 },
      { lane: this.publish, quantum: QUANTUM_BYTES.publish, deficit: 0 },
      this.#data,
    ];
  }

  /** Bytes of streams that wait in the data lane. */
  get dataBytes(): number {
    return this.#data.lane.bytes;
  }

  /** Fills the data lane from now on. */
  attach(streams: StreamLane): void {
    this.#streams = streams;
    this.#data.lane = streams;
  }

  /** Bytes of all lanes together. */
  get bytes(): number {
    return this.control.bytes + this.request.bytes + this.publish.bytes + this.#streams.bytes;
  }

  /**
   * Takes what is to be written next, one message at least if there is one, and no more once `maxBytes` are reached.
   * The pieces are added to `parts`; gives their bytes.
   */
  takeInto(parts: Uint8Array[], maxBytes: number): number {
    let bytes = this.#streams.takeControl(parts);
    bytes = this.#drain(this.control, { parts, bytes, maxBytes });
    if (bytes >= maxBytes) return bytes;
    const only = this.#onlyWaiting();
    if (only === "none") return bytes;
    if (only !== "several") {
      // Who has the wire to himself gathers no claims, and pays none.
      for (const shared of this.#shared) shared.deficit = 0;
      return this.#drain(only, { parts, bytes, maxBytes });
    }
    while (bytes < maxBytes) {
      const message = this.#takeByDeficit();
      if (message === undefined) break;
      for (const part of message.parts) parts.push(part);
      bytes += message.bytes;
    }
    return bytes;
  }

  /** The reads whose last bytes were taken since it was asked. */
  takenReads(): readonly Uint8Array[] {
    return this.#streams.takenReads();
  }

  /** Takes what is of the lane of control alone. The pieces are added to `parts`; gives their bytes. */
  takeControlInto(parts: Uint8Array[], maxBytes: number): number {
    const bytes = this.#streams.takeControl(parts);
    return this.#drain(this.control, { parts, bytes, maxBytes });
  }

  /** Forgets everything; returns how many messages that were, streams not counted. */
  clear(): number {
    const dropped = this.control.length + this.request.length + this.publish.length;
    this.control.clear();
    for (const shared of this.#shared) {
      shared.lane.clear();
      shared.deficit = 0;
    }
    return dropped;
  }

  /** Takes from one lane alone: the usual case, and the one that has to be fast. */
  #drain(lane: ServedLane, { parts, bytes, maxBytes }: Draining): number {
    let taken = bytes;
    while (taken < maxBytes) {
      const message = lane.take();
      if (message === undefined) break;
      taken += message.bytes;
      for (let i = 0; i < message.parts.length; i++) {
        const part = message.parts[i];
        if (part !== undefined) parts.push(part);
      }
    }
    return taken;
  }

  #onlyWaiting(): ServedLane | "none" | "several" {
    let only: ServedLane | "none" = "none";
    for (const { lane } of this.#shared) {
      if (lane.length === 0) continue;
      if (only !== "none") return "several";
      only = lane;
    }
    return only;
  }

  #takeByDeficit(): Encoded | undefined {
    if (this.#onlyWaiting() === "none") return undefined;
    for (;;) {
      const shared = this.#shared[this.#current];
      if (shared === undefined) throw new RangeError("Cannot serve a lane: there is none at this turn");
      const bytes = shared.lane.peekBytes();
      if (bytes > 0 && bytes <= shared.deficit) {
        shared.deficit -= bytes;
        return shared.lane.take();
      }
      if (bytes === 0) shared.deficit = 0;
      this.#current = (this.#current + 1) % this.#shared.length;
      const next = this.#shared[this.#current];
      if (next !== undefined) next.deficit += next.quantum;
    }
  }
}
