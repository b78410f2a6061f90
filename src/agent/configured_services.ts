/**
 * The services that an agent's configuration has: each answers the requests to its topic by a command or a URL, again
 * after each new connection. Another configuration starts what is new and ends what is gone; what stays as it was is not
 * touched, and requests that were begun are finished.
 */
import type { AgentConfig } from "../config/mod.ts";
import { messageOf, TrunklineError } from "../core/errors.ts";
import type { Logger } from "../core/ports.ts";
import { answerByCommand, answerByUrl } from "./answerers.ts";
import type { Messages, Payload, RequestHandler, ServeOptions, Subscription } from "./messages.ts";

/** A service as the configuration has it. */
export type ConfiguredService = AgentConfig["services"][number];

/** What services work with. */
export interface ConfiguredServicesOptions {
  readonly messages: Pick<Messages, "serve">;
  readonly logger: Logger;
  /** Told of each request that was answered, or failed, by the topic of the configuration. */
  readonly onDone: (
    topic: string,
    result: { readonly ms: number; readonly error: TrunklineError | null },
  ) => void;
}

interface Running {
  readonly service: ConfiguredService;
  /** `null` where the hub did not take it. */
  readonly subscription: Promise<Subscription | null>;
}

/** The services of one agent. */
export class ConfiguredServices {
  readonly #options: ConfiguredServicesOptions;
  readonly #running = new Map<string, Running>();
  /** What has to end before the same topic can be served again. */
  readonly #ending = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();
  #active = 0;
  #whenIdle: (() => void)[] = [];

  constructor(options: ConfiguredServicesOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get size(): number {
    return this.#running.size;
  }

  /** Requests that are being answered. */
  get active(): number {
    return this.#active;
  }

  /** These are the services from now on. */
  update(services: readonly ConfiguredService[]): void {
    const wanted = new Map(services.map((service) => [service.topic, service]));
    for (const [topic, { service }] of this.#running) {
      const next = wanted.get(topic);
      if (next === undefined || !isSame(next, service)) this.#end(topic);
    }
    for (const [topic, service] of wanted) if (!this.#running.has(topic)) this.#begin(service);
  }

  /** Takes no more requests; resolves when those that were begun are answered. */
  async finish(): Promise<void> {
    this.update([]);
    await Promise.all(this.#ending.values());
    await this.#idle();
  }

  /** Ends what runs at once; resolves when nothing of it is left. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#idle();
  }

  #idle(): Promise<void> {
    if (this.#active === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenIdle.push(resolve);
    return promise;
  }

  #begin(service: ConfiguredService): void {
    const { topic } = service;
    const before = this.#ending.get(topic) ?? Promise.resolve();
    this.#running.set(topic, { service, subscription: before.then(() => this.#serve(service)) });
  }

  async #serve(service: ConfiguredService): Promise<Subscription | null> {
    const { messages, logger } = this.#options;
    const { topic } = service;
    // It may have been taken out again while the one before it ended.
    if (this.#running.get(topic)?.service !== service) return null;
    try {
      const subscription = await messages.serve(topic, this.#handlerOf(service), serveOptions(service));
      logger.info("A service answers requests", { topic });
      return subscription;
    } catch (error) {
      if (this.#running.get(topic)?.service === service) {
        logger.error("Cannot answer requests to a topic", { topic, cause: messageOf(error) });
      }
      return null;
    }
  }

  #end(topic: string): void {
    const running = this.#running.get(topic);
    this.#running.delete(topic);
    if (running === undefined) return;
    const ended = running.subscription.then((subscription) => subscription?.unsubscribe());
    this.#ending.set(topic, ended);
    ended.finally(() => {
      if (this.#ending.get(topic) === ended) this.#ending.delete(topic);
    });
  }

  #handlerOf({ topic, exec, url }: ConfiguredService): RequestHandler {
    const { signal } = this.#stopping;
    const handler = exec !== null ? answerByCommand(exec, signal) : answerByUrl(url ?? "", signal);
    return (asked) => this.#answer(() => handler(asked), topic);
  }

  async #answer(answer: () => Payload | Promise<Payload>, topic: string): Promise<Payload> {
    const startedMs = performance.now();
    let error: TrunklineError | null = null;
    this.#active++;
    try {
      return await answer();
    } catch (thrown) {
      error = asFailure(thrown);
      throw error;
    } finally {
      this.#options.onDone(topic, { ms: performance.now() - startedMs, error });
      if (--this.#active === 0) this.#tellIdle();
    }
  }

  #tellIdle(): void {
    for (const resolve of this.#whenIdle) resolve();
    this.#whenIdle = [];
  }
}

function asFailure(thrown: unknown): TrunklineError {
  if (thrown instanceof TrunklineError) return thrown;
  return new TrunklineError("request_failed", messageOf(thrown), { cause: thrown });
}

/** A command takes a processor, a URL only waits. */
function serveOptions({ exec, group, priority }: ConfiguredService): ServeOptions {
  return {
    priority,
    ...(group === null ? {} : { group }),
    ...(exec === null ? {} : { concurrency: navigator.hardwareConcurrency }),
  };
}

function isSame(one: ConfiguredService, other: ConfiguredService): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
