/**
 * Answers requests by a handler: each exactly once, by what the handler gives, or by an error. A request whose
 * connection ended before its turn came is not begun: the hub has told whoever asked, or asked another service.
 */
import { messageOf, TrunklineError } from "../core/errors.ts";
import type { Job } from "../limits/work_queue.ts";
import { encodeErrorPayload, type ErrorContent } from "../wire/error_payload.ts";
import type { Asked, Payload, RequestHandler } from "./messages.ts";

/** The way back of a request. */
export interface Answering {
  /** Sends what answers, when there is room; what cannot be sent any more is dropped. Never rejects. */
  readonly answer: (payload: Payload) => Promise<void>;
  /** The same for what nobody worked for: it is dropped where too much waits. */
  readonly refuse: (payload: Payload) => Promise<void>;
  /** Whether whoever asked can still be reached. */
  readonly isUp: () => boolean;
  /** The longest answer in bytes; `null` when that is not known. */
  readonly maxPayloadBytes: number | null;
}

/** Who is told of a service. */
export interface ServicePorts {
  readonly onProblem: (error: TrunklineError) => void;
  /** A request was taken; it is answered, or given up, at `end`. */
  readonly begin: () => void;
  readonly end: () => void;
}

/** The work that one request is. */
export interface ServiceJob extends Job {
  /** It will not be done. */
  readonly giveUp: () => void;
}

/** A handler with what is around it. */
export class Service {
  readonly #handler: RequestHandler;
  readonly #ports: ServicePorts;

  constructor(handler: RequestHandler, ports: ServicePorts) {
    this.#handler = handler;
    this.#ports = ports;
  }

  /** The work that a request is; it holds `bytes`. It is done, or given up. */
  job(asked: Asked, { bytes, answering }: { bytes: number; answering: Answering }): ServiceJob {
    this.#ports.begin();
    return {
      bytes,
      run: () => this.#run(asked, answering),
      giveUp: () => this.#ports.end(),
    };
  }

  async #run(asked: Asked, answering: Answering): Promise<void> {
    try {
      if (answering.isUp()) await answering.answer(await this.#answer(asked, answering));
    } finally {
      this.#ports.end();
    }
  }

  async #answer(asked: Asked, { maxPayloadBytes }: Answering): Promise<Payload> {
    try {
      const answer = await this.#handler(asked);
      const bytes = typeof answer === "string" ? new TextEncoder().encode(answer) : answer;
      if (maxPayloadBytes === null || bytes.length <= maxPayloadBytes) return answer;
      throw new RangeError(`the answer has ${bytes.length} bytes, the hub takes ${maxPayloadBytes}`);
    } catch (thrown) {
      return encodeErrorPayload(this.#failed(asked.topic, thrown));
    }
  }

  #failed(topic: string, thrown: unknown): ErrorContent {
    if (thrown instanceof TrunklineError) {
      const code = thrown.details["code"];
      return { code: typeof code === "string" ? code : "INTERNAL_ERROR", message: thrown.message };
    }
    const message = `Cannot answer a request to ${topic}: ${messageOf(thrown)}`;
    this.#ports.onProblem(new TrunklineError("request_failed", message, { cause: thrown }));
    return { code: "INTERNAL_ERROR", message: "The service failed" };
  }
}

/** Tells whoever asked that nobody answers. */
export function refuse(answering: Answering, message: string): void {
  void answering.refuse(encodeErrorPayload({ code: "SERVICE_UNAVAILABLE", message }));
}
