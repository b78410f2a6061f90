/**
 * Which lane is served next: control strictly first, the others by weighted bytes (deficit round robin, M. Shreedhar
 * and G. Varghese, 1995), so that none starves however much the others hold.
 */
import type { Encoded } from "../core/transport.ts";
import { ByteQueue } from "./byte_queue.ts";
import { type Lane, type LaneBounds, QUANTUM_BYTES } from "./lane.ts";
import { PublishLane } from "./publish_lane.ts";

/** What the scheduler needs of a lane. */
interface ServedLane {
  readonly bytes: number;
  readonly length: number;
  peekBytes(): number;
  take(): Encoded | undefined;
  clear(): void;
}

/** The lanes of one outbox. */
export class LaneScheduler {
  readonly control: ByteQueue;
  readonly request: ByteQueue;
  readonly publish: PublishLane;
  readonly data: ByteQueue;
  readonly #shared: readonly { readonly lane: ServedLane; readonly quantum: number; deficit: number }[];
  #current = 0;

  constructor(bounds: Readonly<Record<Lane, LaneBounds>>) {
    this.control = new ByteQueue(bounds.control);
    this.request = new ByteQueue(bounds.request);
    this.publish = new PublishLane(bounds.publish);
    this.data = new ByteQueue(bounds.data);
    this.#shared = [
      { lane: this.request, quantum: QUANTUM_BYTES.request, deficit: 0 },
      { lane: this.publish, quantum: QUANTUM_BYTES.publish, deficit: 0 },
      { lane: this.data, quantum: QUANTUM_BYTES.data, deficit: 0 },
    ];
  }

  /** Bytes of all lanes together. */
  get bytes(): number {
    return this.control.bytes + this.request.bytes + this.publish.bytes + this.data.bytes;
  }

  /** Takes the message that is to be written next; `undefined` when all lanes are empty. */
  take(): Encoded | undefined {
    if (this.control.length > 0) return this.control.take();
    const only = this.#onlyWaiting();
    return only === "none" ? undefined : only === "several" ? this.#takeByDeficit() : only.take();
  }

  /** Forgets everything; returns how many messages that were. */
  clear(): number {
    const dropped = this.control.length + this.request.length + this.publish.length + this.data.length;
    this.control.clear();
    for (const shared of this.#shared) {
      shared.lane.clear();
      shared.deficit = 0;
    }
    return dropped;
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
