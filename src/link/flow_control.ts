/**
 * The credit of one stream, both ways: how much may be sent, and how much the peer was allowed to send. Credit goes
 * back when bytes were passed on, half a window at a time; a window that a round trip shows to be the limit is
 * doubled, as long as all windows of the connection together keep to their bound, and shrinks to its fair share where
 * they do not. Pure: takes the time as an argument.
 */
import { MAX_CREDIT } from "../wire/frame_header.ts";

/** How much the peer of a connection may send before it was passed on. */
export interface WindowLimits {
  /** What a new stream may have. */
  readonly initialBytes: number;
  /** What a stream may grow to. */
  readonly maxBytes: number;
  /** What all streams of a connection may grow to together, and what they may hold unread together. */
  readonly connectionBytes: number;
}

/** No window shrinks below this. */
export const MIN_WINDOW_BYTES = 16 * 1024;
/** Half a window that was used up within so many round trips was the limit. */
const GROWTH_ROUND_TRIPS = 2;
/** A round trip below this is that of event loops rather than of a wire. */
export const MIN_ROUND_TRIP_MS = 1;

/** What the streams of one connection share. */
export class WindowBudget {
  readonly limits: WindowLimits;
  /** The windows of all streams together. */
  windowBytes = 0;
  /** What came and was not passed on, of all streams together. */
  unreadBytes = 0;
  /** How many streams have a window. */
  streams = 0;

  constructor(limits: WindowLimits) {
    this.limits = limits;
  }

  /** By how much a window may grow. */
  growthOf(windowBytes: number): number {
    const { maxBytes, connectionBytes } = this.limits;
    const room = Math.max(0, connectionBytes - this.windowBytes);
    return Math.max(0, Math.min(windowBytes, maxBytes - windowBytes, room));
  }

  /** What a window has above its fair share; 0 while there is enough for all. */
  excessOf(windowBytes: number): number {
    const { connectionBytes } = this.limits;
    if (this.windowBytes <= connectionBytes) return 0;
    const share = Math.max(MIN_WINDOW_BYTES, Math.floor(connectionBytes / this.streams));
    return Math.max(0, Math.min(windowBytes - share, this.windowBytes - connectionBytes));
  }
}

/** What became of bytes that came: `over_credit`: the peer broke its word; `over_cap`: the connection holds too much. */
export type ReceiveResult = "taken" | "over_credit" | "over_cap";

/** Now, and how long the way there and back is; `null` where it was not measured yet. */
export interface Measured {
  readonly nowMs: number;
  readonly roundTripMs: number | null;
}

/** The credit of one stream. */
export class FlowControl {
  readonly #budget: WindowBudget;
  #sendCredit: number;
  #windowBytes: number;
  /** What the peer may still send. */
  #receiveCredit: number;
  #unreadBytes = 0;
  /** What was passed on and not given back. */
  #dueBytes = 0;
  #updatedMs: number;
  #isOpen = true;

  /** `sendCredit` is what the peer lets a new stream send. */
  constructor(budget: WindowBudget, { sendCredit, nowMs }: { sendCredit: number; nowMs: number }) {
    this.#budget = budget;
    this.#sendCredit = sendCredit;
    this.#windowBytes = budget.limits.initialBytes;
    this.#receiveCredit = this.#windowBytes;
    this.#updatedMs = nowMs;
    budget.windowBytes += this.#windowBytes;
    budget.streams++;
  }

  /** How much may be sent. */
  get sendCredit(): number {
    return this.#sendCredit;
  }

  /** What the peer may have on its way at most. */
  get windowBytes(): number {
    return this.#windowBytes;
  }

  /** What the peer may still send. */
  get receiveCredit(): number {
    return this.#receiveCredit;
  }

  /** What came and was not passed on. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  /** Counts bytes that are sent. */
  spend(bytes: number): void {
    if (bytes > this.#sendCredit) {
      throw new RangeError(`Cannot send ${bytes} bytes: ${this.#sendCredit} are left`);
    }
    this.#sendCredit -= bytes;
  }

  /** Takes credit from the peer; `false` when that is more than there can be. */
  grant(bytes: number): boolean {
    if (this.#sendCredit + bytes > MAX_CREDIT) return false;
    this.#sendCredit += bytes;
    return true;
  }

  /** Counts bytes that came. What is not taken is not counted. */
  receive(bytes: number): ReceiveResult {
    if (bytes > this.#receiveCredit) return "over_credit";
    if (this.#budget.unreadBytes + bytes > this.#budget.limits.connectionBytes) return "over_cap";
    this.#receiveCredit -= bytes;
    this.#unreadBytes += bytes;
    this.#budget.unreadBytes += bytes;
    return "taken";
  }

  /** Counts bytes that were passed on; gives the credit to return to the peer now, 0 for none yet. */
  consume(bytes: number, measured: Measured): number {
    if (bytes > this.#unreadBytes) {
      throw new RangeError(`Cannot pass on ${bytes} bytes: ${this.#unreadBytes} are unread`);
    }
    this.#unreadBytes -= bytes;
    this.#budget.unreadBytes -= bytes;
    if (!this.#isOpen) return 0;
    this.#dueBytes += bytes;
    if (this.#dueBytes * 2 < this.#windowBytes) return 0;
    this.#adjust(measured);
    const credit = this.#dueBytes;
    this.#dueBytes = 0;
    this.#receiveCredit += credit;
    this.#updatedMs = measured.nowMs;
    return credit;
  }

  /** Nothing more comes: the window is given back; what is unread counts until it is passed on. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#budget.windowBytes -= this.#windowBytes;
    this.#budget.streams--;
  }

  /** Closes, and forgets what is unread. Gives how much that was. */
  discard(): number {
    this.close();
    const unread = this.#unreadBytes;
    this.#budget.unreadBytes -= unread;
    this.#unreadBytes = 0;
    return unread;
  }

  /** Grows or shrinks the window by what is due. */
  #adjust({ nowMs, roundTripMs }: Measured): void {
    const excess = Math.min(this.#dueBytes, this.#budget.excessOf(this.#windowBytes));
    if (excess > 0) {
      this.#resize(-excess);
      return;
    }
    if (roundTripMs === null) return;
    const limitMs = GROWTH_ROUND_TRIPS * Math.max(roundTripMs, MIN_ROUND_TRIP_MS);
    if (nowMs - this.#updatedMs < limitMs) this.#resize(this.#budget.growthOf(this.#windowBytes));
  }

  #resize(bytes: number): void {
    this.#windowBytes += bytes;
    this.#dueBytes += bytes;
    this.#budget.windowBytes += bytes;
  }
}
