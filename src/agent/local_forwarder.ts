/**
 * Leads streams to services of the agent's own network: one connection for each stream, dialled as it comes and joined
 * with it, with a half-close both ways. A service that refuses, or does not answer in time, is told to the hub with a
 * code of its own; what stands behind that only the agent's log says.
 */
import type { Socket } from "node:net";
import { StreamCode } from "../core/stream_codes.ts";
import { openSocket, type SocketPlace } from "../link/client_socket.ts";
import type { Flusher } from "../link/flusher.ts";
import { PlainSocket } from "../link/gated_socket.ts";
import { type ByteMeter, type PumpFailure, SocketPump } from "../link/socket_pump.ts";
import type { Stream, StreamConsumer, StreamReset } from "../link/stream.ts";

/** How a local connection is made. */
export interface LocalTarget extends SocketPlace {
  /** Written before everything else, such as a PROXY header; `null`: nothing. */
  readonly preface: Uint8Array | null;
}

/** Who is told about a local connection. */
export interface ForwardReport {
  readonly meter?: ByteMeter;
  /** The service could not be reached. */
  readonly onFailure: (reason: string) => void;
  /** It is over. `null`: both directions ended. */
  readonly onClosed: (reset: StreamReset | null) => void;
}

/** How long a local service may take to accept. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** Joins a stream with a new connection to a local service; gives who uses the stream. */
export function forwardLocally(
  stream: Stream,
  { target, report, flusher, connectTimeoutMs = CONNECT_TIMEOUT_MS }: {
    readonly target: LocalTarget;
    readonly report: ForwardReport;
    readonly flusher: Flusher;
    readonly connectTimeoutMs?: number;
  },
): StreamConsumer {
  const socket = openSocket(target, { allowHalfOpen: true });
  const attempt = new LocalAttempt(socket, { report, connectTimeoutMs });
  const pump = new SocketPump(new PlainSocket(socket), flusher, {
    ...(report.meter === undefined ? {} : { meter: report.meter }),
    failure: () => attempt.failure(),
    onClosed: (reset) => {
      attempt.end();
      report.onClosed(reset);
    },
  });
  if (target.preface !== null) socket.write(target.preface);
  pump.start(stream);
  return pump;
}

/** Watches a local connection until it is there, and knows why it is not. */
class LocalAttempt {
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #report: ForwardReport;
  #isConnected = false;
  #isLate = false;
  #error = "";

  constructor(
    socket: Socket,
    { report, connectTimeoutMs }: { report: ForwardReport; connectTimeoutMs: number },
  ) {
    this.#report = report;
    this.#timer = setTimeout(() => {
      this.#isLate = true;
      socket.destroy();
    }, connectTimeoutMs);
    socket.once("connect", () => {
      this.#isConnected = true;
      clearTimeout(this.#timer);
    });
    socket.once("error", (error: Error & { code?: string }) => this.#error = error.code ?? error.message);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  failure(): PumpFailure {
    if (this.#isConnected) {
      return {
        code: StreamCode.localReset,
        reason: "The local service reset the connection",
        notStarted: false,
      };
    }
    if (this.#isLate) {
      this.#report.onFailure("it did not answer in time");
      return { code: StreamCode.localTimeout, reason: "The local service did not answer", notStarted: true };
    }
    this.#report.onFailure(this.#error);
    return { code: StreamCode.localRefused, reason: "The local service cannot be reached", notStarted: true };
  }
}
