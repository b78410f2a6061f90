/** Messages as a program uses them: what it may ask of its connection, and what it is told. */

/** What a message carries. */
export type Payload = Uint8Array | string;

/** What became of a publish: it is on its way, there is no room for it now, or there is no connection. */
export type PublishResult = "queued" | "full" | "offline";

/** A message that somebody published. */
export interface Published {
  readonly topic: string;
  /** The hub's id of the message; `null` where it gave none. */
  readonly id: string | null;
  readonly payload: Uint8Array;
}

/** A request of somebody. */
export interface Asked {
  readonly topic: string;
  /** The id that whoever asks gave it; `null` without one. */
  readonly id: string | null;
  readonly payload: Uint8Array;
  /** How long the answer may take, in milliseconds; `null` where that was not said. */
  readonly timeoutMs: number | null;
  /** The longest answer that the hub takes, in bytes; `null` when that is not known. */
  readonly maxPayloadBytes: number | null;
}

/** Gets what is published. Messages of one subscription come one after the other. */
export type MessageHandler = (message: Published) => void | Promise<void>;

/**
 * Answers a request. A `TrunklineError` is told to whoever asked with its message, and `details.code` where there is
 * one; of what else is thrown only that the service failed.
 */
export type RequestHandler = (request: Asked) => Payload | Promise<Payload>;

/** How to subscribe. */
export interface SubscribeOptions {
  /** Shares the messages with the others of the group. @default none */
  readonly group?: string;
  /** Told when messages of a topic were lost because this client was too slow. */
  readonly onLost?: (topic: string, messages: number) => void;
}

/** How to serve. */
export interface ServeOptions {
  readonly group?: string;
  /** Requests go to the highest first. @default 0 */
  readonly priority?: number;
  /** Requests that are answered at a time. @default 16 */
  readonly concurrency?: number;
}

/** Something that was subscribed to. */
export interface Subscription {
  readonly topic: string;
  /** Ends it; resolves when the hub knows, or there is no connection. */
  unsubscribe(): Promise<void>;
}

/** The messages of one program. Payloads that are handed over must not change any more. */
export interface Messages {
  /**
   * Publishes without an answer. Whoever has no luck waits for {@link room}. Throws `usage` for what is no topic, and
   * `request_failed` for a payload that the hub does not take.
   */
  publish(topic: string, payload: Payload): PublishResult;
  /** Resolves when it is worth to publish again; rejects with `connection_lost` once everything was stopped. */
  room(): Promise<void>;
  /**
   * Publishes and waits until the hub took it. Rejects with `request_failed` or `refused` where the hub says no (nobody
   * listens: `details.code` is `NO_ROUTE_FOUND`), with `timed_out`, and with `connection_lost` when nobody knows.
   */
  deliver(topic: string, payload: Payload): Promise<void>;
  /** Asks a service; rejects as {@link deliver}, with `details.code` of the service where it tells of an error. */
  request(topic: string, payload: Payload, options?: { readonly timeoutMs?: number }): Promise<Uint8Array>;
  /** Subscribes, again after each new connection; resolves when the hub took it for the first time. */
  subscribe(pattern: string, handler: MessageHandler, options?: SubscribeOptions): Promise<Subscription>;
  /** Answers requests, again after each new connection; resolves when the hub took it for the first time. */
  serve(pattern: string, handler: RequestHandler, options?: ServeOptions): Promise<Subscription>;
}
