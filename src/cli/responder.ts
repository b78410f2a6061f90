/**
 * What `reply` does with the requests it gets: has a command answer each, so many at a time, and tells of each. Every
 * request that it takes is answered exactly once, by the output of the command or by an error.
 */
import { type BrokerError, encodeError } from "../broker/broker_error.ts";
import { formatDuration } from "../config/units.ts";
import type { TextMessage } from "../wire/text_message.ts";
import { type CommandOutcome, runCommand } from "../agent/command_run.ts";
import type { Answering } from "./hub_client.ts";
import type { Io } from "./io.ts";
import { WorkQueue } from "../limits/work_queue.ts";

/** How to answer. */
export interface ResponderOptions {
  /** What a shell runs for each request. */
  readonly exec: string;
  /** How many commands run at a time. */
  readonly concurrency: number;
  /** How many requests to take; any number when nothing is said. */
  readonly count?: number | undefined;
  /** The longest that a request may take, in milliseconds; what the request says, when nothing is said. */
  readonly timeoutMs?: number | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** How long a request may take that does not say, as in a hub that is not told otherwise. */
export const DEFAULT_TIMEOUT_MS = 5000;
/** What is taken for the limit of a hub that has not said. */
const DEFAULT_PAYLOAD_BYTES = 65_536;
/** Requests that may wait for their turn, and what they may hold in all. */
const MAX_WAITING = 1000;
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

const encoder = new TextEncoder();

/** A request that was taken. */
interface Request {
  readonly topic: string;
  /** The id that whoever asks knows; empty when there is none. */
  readonly id: string;
  readonly payload: Uint8Array;
  readonly timeoutMs: number;
  /** By `performance.now()`. */
  readonly startedMs: number;
  readonly maxPayloadBytes: number;
  send(answer: Uint8Array): void;
}

/** Answers requests by running a command. */
export class Responder {
  /** Resolves when as many requests as wanted were taken. */
  readonly enough: Promise<void>;
  readonly #options: ResponderOptions;
  readonly #io: Io;
  readonly #queue: WorkQueue;
  readonly #stopping = new AbortController();
  readonly #onEnough: () => void;
  #taken = 0;

  constructor(options: ResponderOptions, io: Io) {
    this.#options = options;
    this.#io = io;
    const { concurrency } = options;
    this.#queue = new WorkQueue({
      concurrency,
      maxWaiting: MAX_WAITING,
      maxWaitingBytes: MAX_WAITING_BYTES,
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.enough = promise;
    this.#onEnough = resolve;
  }

  /** Takes a request, or answers at once that it cannot. */
  take(message: TextMessage, answering: Answering): void {
    const request = this.#requestOf(message, answering);
    const { count = Infinity } = this.#options;
    if (this.#taken >= count) return this.#refuse(request, `no more than ${count} requests are taken`);
    const job = { bytes: request.payload.length, run: () => this.#serve(request) };
    if (!this.#queue.offer(job)) return this.#refuse(request, "too many requests wait already");
    if (++this.#taken === count) this.#onEnough();
  }

  /** Resolves when everything that was taken is answered. */
  finish(): Promise<void> {
    return this.#queue.idle();
  }

  /** Ends what runs at once; nothing is answered any more. */
  stop(): void {
    this.#stopping.abort();
  }

  #requestOf(message: TextMessage, answering: Answering): Request {
    const { topic, requestId, parentRequestId, payload } = message;
    const wantedMs = message.timeoutMs ?? this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    return {
      topic,
      id: parentRequestId ?? requestId ?? "",
      // While it waits it must not hold whatever else came with it.
      payload: payload.slice(),
      timeoutMs: Math.min(wantedMs, this.#options.timeoutMs ?? Infinity),
      startedMs: performance.now(),
      maxPayloadBytes: answering.maxPayloadBytes ?? DEFAULT_PAYLOAD_BYTES,
      send: (answer) => answering.send(answer),
    };
  }

  async #serve(request: Request): Promise<void> {
    const { signal } = this.#stopping;
    const { topic, id, payload, timeoutMs, startedMs, maxPayloadBytes } = request;
    const restMs = startedMs + timeoutMs - performance.now();
    if (signal.aborted) return;
    if (restMs <= 0) return this.#fail(request, lateError(timeoutMs));
    const outcome = await runCommand({
      command: this.#options.exec,
      input: payload,
      env: { TRUNKLINE_TOPIC: topic, TRUNKLINE_REQUEST_ID: id },
      maxOutputBytes: maxPayloadBytes,
      timeoutMs: restMs,
      signal,
    });
    this.#finishRequest(request, outcome);
  }

  #finishRequest(request: Request, outcome: CommandOutcome): void {
    switch (outcome.kind) {
      case "output":
        request.send(outcome.output);
        return this.#tell(request, outcome.output.length);
      case "failed":
        return this.#fail(request, internalError(`The command ended with ${outcome.reason}`));
      case "too_long":
        return this.#fail(
          request,
          internalError(
            `The command wrote more than the ${request.maxPayloadBytes} bytes that an answer may have`,
          ),
        );
      case "late":
        return this.#fail(request, lateError(request.timeoutMs));
      case "stopped":
        return;
    }
  }

  #refuse(request: Request, why: string): void {
    this.#fail(request, { code: "SERVICE_UNAVAILABLE", message: `The service is busy: ${why}` });
  }

  #fail(request: Request, error: BrokerError): void {
    request.send(encoder.encode(encodeError(error)));
    this.#tell(request, error);
  }

  /** One line a request. */
  #tell({ topic, id, startedMs }: Request, result: number | BrokerError): void {
    const { json, quiet } = this.#options;
    const ms = Math.round(performance.now() - startedMs);
    if (json) {
      const told = typeof result === "number"
        ? { status: "success", bytes: result }
        : { error: { code: result.code, message: result.message } };
      return this.#io.out(JSON.stringify({ topic, id: id === "" ? null : id, ms, ...told }));
    }
    if (quiet) return;
    const name = id === "" ? topic : `${topic} ${id}`;
    this.#io.err(
      typeof result === "number"
        ? `Answered ${name} in ${ms} ms with ${result} bytes`
        : `Failed ${name} after ${ms} ms: ${result.code}: ${result.message}`,
    );
  }
}

function internalError(message: string): BrokerError {
  return { code: "INTERNAL_ERROR", message };
}

function lateError(timeoutMs: number): BrokerError {
  return { code: "TIMEOUT", message: `The command gave no answer within ${formatDuration(timeoutMs)}` };
}
