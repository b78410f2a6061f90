/** One client that is slow on purpose: connects, sends what its kind sends, and tells when it was ended. */
import type { SlowKind } from "./slow_kinds.ts";

/** What a slow client needs beside its kind. */
export interface SlowClientOptions {
  readonly port: number;
  /** The authority to trust where the door has TLS. */
  readonly ca?: string;
  /** Time between two bytes of a dribble. @default 100 */
  readonly dribbleMs?: number;
}

const READ_BYTES = 4096;

/** One client. */
export class SlowClient implements Disposable {
  readonly kind: SlowKind;
  /** Resolves when it reads and the other side ended it. Never for one that does not read. */
  readonly ended: Promise<void>;
  readonly #connection: Deno.Conn;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #isOver = false;
  #at = 0;

  private constructor(kind: SlowKind, connection: Deno.Conn, dribbleMs: number) {
    this.kind = kind;
    this.#connection = connection;
    this.#write(kind.opening);
    if (kind.dribble !== undefined) this.#timer = setInterval(this.#dribble, dribbleMs);
    this.ended = kind.reads === false ? new Promise<void>(() => {}) : this.#read();
  }

  /** Connects, with a handshake of TLS where there is an authority to trust and the kind does one. */
  static async connect(
    kind: SlowKind,
    { port, ca, dribbleMs = 100 }: SlowClientOptions,
  ): Promise<SlowClient> {
    const raw = await Deno.connect({ hostname: "127.0.0.1", port });
    const isSecure = ca !== undefined && kind.shakesHands !== false;
    const connection = isSecure ? await Deno.startTls(raw, { hostname: "localhost", caCerts: [ca] }) : raw;
    return new SlowClient(kind, connection, dribbleMs);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#connection.close();
  }

  /** What cannot be written any more is not written. */
  async #write(bytes: Uint8Array): Promise<void> {
    try {
      for (let rest = bytes; rest.length > 0 && !this.#isOver;) {
        rest = rest.subarray(await this.#connection.write(rest));
      }
    } catch {
      // The other side ended it: that is what reading tells.
      clearInterval(this.#timer);
    }
  }

  readonly #dribble = (): void => {
    const { dribble } = this.kind;
    if (dribble === undefined) return;
    this.#write(dribble.subarray(this.#at, this.#at + 1));
    this.#at = (this.#at + 1) % dribble.length;
  };

  async #read(): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    try {
      while (await this.#connection.read(buffer) !== null);
    } catch {
      // A reset is an end, too.
    }
    clearInterval(this.#timer);
  }
}
