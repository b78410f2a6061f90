/**
 * What `sub` does with the messages it gets: prints each as it comes, tells of those that are missing, and knows when
 * it is enough.
 */
import { formatDuration } from "../config/units.ts";
import type { TextMessage } from "../wire/text_message.ts";
import { readJsonObject } from "../wire/error_payload.ts";
import { type CommandIo, ExitCode } from "./io.ts";
import { formatGap, formatGapJson, formatMessage, type MessageFormat } from "./message_format.ts";
import { readRevoked, rightTakenAway } from "./revoked_topics.ts";

/** What to print, and how long. */
export interface MessageOutputOptions {
  /** What is subscribed to. */
  readonly patterns: readonly string[];
  readonly format: MessageFormat;
  /** After so many messages it is done. */
  readonly count?: number | undefined;
  /** After so many milliseconds it is over; a failure when a count was not reached. */
  readonly timeoutMs?: number | undefined;
}

/** Prints messages until there are enough. */
export class MessageOutput {
  /** Resolves when nothing more is to be printed. */
  readonly done: Promise<ExitCode>;
  readonly #options: MessageOutputOptions;
  readonly #io: CommandIo;
  readonly #finish: (code: ExitCode) => void;
  /** In lower case, those that the hub has not taken away. */
  readonly #left: Set<string>;
  #received = 0;
  #isOver = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: MessageOutputOptions, io: CommandIo) {
    this.#options = options;
    this.#io = io;
    this.#left = new Set(options.patterns.map((pattern) => pattern.toLowerCase()));
    const { promise, resolve } = Promise.withResolvers<ExitCode>();
    this.done = promise;
    this.#finish = resolve;
  }

  /** Takes whatever the hub publishes here. Whether it is printed now. */
  take(message: TextMessage): boolean {
    if (this.#isOver) return false;
    if (message.topicKey === "system.topic.gap") {
      this.#tellOfGap(message.payload);
      return true;
    }
    if (message.topicKey === "system.topic.revoked") {
      this.#tellOfRevoked(message.payload);
      return true;
    }
    const { format, count } = this.#options;
    const { hasColours } = this.#io;
    const isPrinted = this.#print(formatMessage(message, { format, hasColours, time: new Date() }));
    if (++this.#received === count) this.#end(ExitCode.done);
    return isPrinted;
  }

  /** Tells that what was to be replayed is not complete. */
  tellUnrecovered(topic: string): void {
    if (this.#isOver) return;
    if (this.#options.format === "json") this.#print(formatGapJson(topic, null, new Date()));
    else this.#io.err(`Cannot replay all of ${topic}: some messages are not kept any more, or never were`);
  }

  /** Ends after the time-out, if there is one. */
  expire(): Promise<ExitCode> {
    const { timeoutMs } = this.#options;
    if (timeoutMs !== undefined && !this.#isOver) {
      this.#timer = setTimeout(() => this.#late(timeoutMs), timeoutMs);
    }
    return this.done;
  }

  /** Prints nothing any more. */
  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  #tellOfGap(payload: Uint8Array): void {
    const { topic, dropped } = readJsonObject(payload) ?? {};
    if (typeof topic !== "string" || (typeof dropped !== "number" && dropped !== null)) return;
    if (this.#options.format === "json") this.#print(formatGapJson(topic, dropped, new Date()));
    else this.#io.err(formatGap(topic, dropped));
  }

  /** Without a subscription there is nothing to wait for. */
  #tellOfRevoked(payload: Uint8Array): void {
    for (const topic of readRevoked(payload)) {
      this.#io.err(rightTakenAway(topic));
      this.#left.delete(topic.toLowerCase());
    }
    if (this.#left.size === 0) this.#end(ExitCode.refused);
  }

  /** Who reads the output may leave, as `head` does; there is nobody to receive for then. */
  #print(bytes: Uint8Array): boolean {
    const isRead = this.#io.outBytes(bytes);
    if (!isRead) this.#end(ExitCode.done);
    return isRead;
  }

  #late(timeoutMs: number): void {
    const { count } = this.#options;
    if (count === undefined) return this.#end(ExitCode.done);
    const within = formatDuration(timeoutMs);
    this.#io.err(`Cannot wait for ${count} messages any longer: ${this.#received} came within ${within}`);
    this.#end(ExitCode.failed);
  }

  #end(code: ExitCode): void {
    this.stop();
    this.#finish(code);
  }
}
