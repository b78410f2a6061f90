/**
 * Connects to the first of several addresses that answers (RFC 8305): they are tried in their order, the two families in
 * turn; the next one begins when one before failed, or when the last one kept silent for a while. Of all that began one
 * is left, or none.
 */
import { isIPv6, type Socket } from "node:net";
import { openSocket, type SocketPlace } from "./client_socket.ts";

/** How long one attempt is alone (RFC 8305, section 5). */
export const ATTEMPT_DELAY_MS = 250;

/** What a race is about. */
export interface DialRaceOptions {
  readonly port: number;
  /** Begins to connect. @default over TCP, half-open where the peer ends first */
  readonly open?: (place: SocketPlace) => Socket;
}

/** One try to connect. */
export class DialRace {
  readonly #left: string[];
  readonly #port: number;
  readonly #open: (place: SocketPlace) => Socket;
  readonly #running = new Set<Socket>();
  readonly #done = Promise.withResolvers<Socket | string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failure = "no answer";

  constructor(addresses: readonly string[], { port, open = openHalf }: DialRaceOptions) {
    this.#left = inTurn(addresses);
    this.#port = port;
    this.#open = open;
  }

  /** Gives the connected socket, or the last failure. Once `signal` is aborted nothing is left of it. */
  async run(signal: AbortSignal): Promise<Socket | string> {
    const abort = () => this.#end(this.#failure);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    else this.#next();
    const result = await this.#done.promise;
    signal.removeEventListener("abort", abort);
    if (!signal.aborted || typeof result === "string") return result;
    // It was aborted after the socket was there and before anybody knew.
    result.destroy();
    return this.#failure;
  }

  #next(): void {
    clearTimeout(this.#timer);
    const host = this.#left.shift();
    if (host === undefined) {
      if (this.#running.size === 0) this.#end(this.#failure);
      return;
    }
    this.#attempt(host);
    if (this.#left.length > 0) this.#timer = setTimeout(() => this.#next(), ATTEMPT_DELAY_MS);
  }

  #attempt(host: string): void {
    const socket = this.#open({ host, port: this.#port });
    this.#running.add(socket);
    socket.once("error", (error: Error & { code?: string }) => {
      this.#failure = `${host}: ${error.code ?? error.message}`;
    });
    socket.once("close", () => {
      if (this.#running.delete(socket)) this.#next();
    });
    socket.once("connect", () => {
      if (this.#running.delete(socket)) this.#end(socket);
    });
  }

  #end(result: Socket | string): void {
    clearTimeout(this.#timer);
    this.#left.length = 0;
    const losers = [...this.#running];
    this.#running.clear();
    for (const socket of losers) socket.destroy();
    this.#done.resolve(result);
  }
}

function openHalf(place: SocketPlace): Socket {
  return openSocket(place, { allowHalfOpen: true });
}

/** The same addresses, the families in turn, beginning with that of the first. */
function inTurn(addresses: readonly string[]): string[] {
  const isFirst = (address: string) => isIPv6(address) === isIPv6(addresses[0] ?? "");
  const [one, other] = [addresses.filter(isFirst), addresses.filter((address) => !isFirst(address))];
  const result: string[] = [];
  for (let at = 0; at < addresses.length; at++) {
    result.push(...one.slice(at, at + 1), ...other.slice(at, at + 1));
  }
  return result;
}
