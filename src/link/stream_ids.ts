/**
 * The ids of streams: the hub opens even ones, the other side odd ones, each always rising. What was at or below the
 * highest has been; what is above was never opened.
 */
import { MAX_STREAM_ID } from "../wire/frame_header.ts";

/** Which end of a link this is. */
export type LinkRole = "hub" | "spoke";

/** What an id of the peer's means. */
export type IdState = "gone" | "never_opened";

/** The ids of one end. */
export class StreamIds {
  readonly #ownParity: 0 | 1;
  #highestOwn: number;
  #highestPeer: number;

  constructor(role: LinkRole) {
    this.#ownParity = role === "hub" ? 0 : 1;
    // Zero is no stream; the first ids are 2 and 1.
    this.#highestOwn = role === "hub" ? 0 : -1;
    this.#highestPeer = role === "hub" ? -1 : 0;
  }

  /** How many streams may still be opened from this side. */
  get left(): number {
    return Math.floor((MAX_STREAM_ID - this.#highestOwn) / 2);
  }

  /** The id of the next stream that this side opens. */
  next(): number {
    if (this.left === 0) throw new RangeError("Cannot open a stream: no id is left");
    this.#highestOwn += 2;
    return this.#highestOwn;
  }

  /** The peer opens a stream: `null`, or why it may not. */
  accept(id: number): "parity" | "reused" | null {
    if (id % 2 === this.#ownParity) return "parity";
    if (id <= this.#highestPeer) return "reused";
    this.#highestPeer = id;
    return null;
  }

  /** What an id is that belongs to no stream. */
  stateOf(id: number): IdState {
    const highest = id % 2 === this.#ownParity ? this.#highestOwn : this.#highestPeer;
    return id <= highest ? "gone" : "never_opened";
  }
}
