/**
 * Last words for those whom there is no place for, in their own transport. They are bounded themselves: of too many at a
 * time the rest is just closed.
 */
import { CloseCode } from "../core/close_codes.ts";
import { classifyFirstByte, type FirstByteKind } from "../wire/first_byte.ts";
import { encodeHandshakeError } from "../wire/json_error.ts";
import { encodeFramesRefusal, encodeHttpRefusal, encodeTextRefusal } from "../wire/not_available.ts";
import type { AcceptedSocket } from "./accepted_socket.ts";
import type { Refusal } from "./hub_stats.ts";

/** Why there is no place. */
export type NoPlace = Extract<Refusal, "memory" | "max_connections" | "max_connections_per_ip">;

/** Sockets that are told so at a time. */
const MAX_REFUSING = 256;
const REFUSING_TIMEOUT_MS = 1000;
/** With a TLS handshake before. */
const TLS_REFUSING_TIMEOUT_MS = 5000;
const RETRY_AFTER_SECONDS = 5;

const MESSAGES: Readonly<Record<NoPlace, string>> = {
  memory: "The hub has no memory for new connections now",
  max_connections: "Too many connections",
  max_connections_per_ip: "Too many connections from this address",
};

/** How a socket is made ready to be told. */
export interface RefusalSteps {
  readonly reason: NoPlace;
  /** The only transport that is spoken there, whose clients need not speak first; `null`: their first byte says. */
  readonly kind?: FirstByteKind | null;
  /** Reads the PROXY header and does the TLS handshake, where there are any; whether that went well. */
  readonly prepare?: () => Promise<boolean>;
}

/** Tells who is turned away at one address. */
export class Refusals {
  /** Those who are being told, each with the time that it has. */
  readonly #told = new Map<AcceptedSocket, ReturnType<typeof setTimeout>>();

  /** Tells one why, if there are not too many already; whether it does. Otherwise the socket is the caller's to close. */
  tell(accepted: AcceptedSocket, steps: RefusalSteps): boolean {
    const { socket } = accepted.link;
    if (this.#told.size >= MAX_REFUSING || socket.destroyed) return false;
    const timeoutMs = steps.prepare === undefined ? REFUSING_TIMEOUT_MS : TLS_REFUSING_TIMEOUT_MS;
    this.#told.set(accepted, setTimeout(() => accepted.destroy(), timeoutMs));
    socket.once("close", () => this.#forget(accepted));
    say(accepted, steps).catch(() => accepted.destroy());
    return true;
  }

  /** Tells nobody any more: ends those who are being told. */
  destroyAll(): void {
    for (const accepted of [...this.#told.keys()]) {
      accepted.destroy();
      this.#forget(accepted);
    }
  }

  #forget(accepted: AcceptedSocket): void {
    clearTimeout(this.#told.get(accepted));
    this.#told.delete(accepted);
  }
}

async function say(accepted: AcceptedSocket, { reason, kind = null, prepare }: RefusalSteps): Promise<void> {
  if (prepare !== undefined && !await prepare()) return accepted.destroy();
  const spoken = kind ?? await kindOf(accepted);
  const lastWords = spoken === null ? null : encodeNoPlace(spoken, reason);
  if (lastWords === null) accepted.destroy();
  else accepted.endWith(lastWords);
}

async function kindOf(accepted: AcceptedSocket): Promise<FirstByteKind | null> {
  const first = (await accepted.readChunk())?.[0];
  return first === undefined ? null : classifyFirstByte(first);
}

/** The last bytes for a peer that there is no place for; `null` where the transport has no word for it. */
function encodeNoPlace(kind: FirstByteKind, reason: NoPlace): Uint8Array | null {
  const message = MESSAGES[reason];
  const retryAfterMs = RETRY_AFTER_SECONDS * 1000;
  const closeCode = CloseCode.draining;
  switch (kind) {
    case "http": {
      const headers = { "Retry-After": String(RETRY_AFTER_SECONDS) };
      return encodeHttpRefusal(503, "Service Unavailable", { body: message, headers });
    }
    case "frames":
      return encodeFramesRefusal({ code: "server_unavailable", message, closeCode, retryAfterMs });
    case "text":
      return encodeTextRefusal({ code: closeCode, reason: message, retryAfterMs }, crypto.randomUUID());
    case "json":
      return encodeHandshakeError({ code: "server_unavailable", message, retryAfterMs });
    case "unknown":
      return null;
  }
}
