/**
 * A WebSocket client that counts and does not parse: the load has to outrun the server. Frames are made once,
 * received bytes are counted as they come.
 */

const MASK = Uint8Array.of(0, 0, 0, 0);
const encoder = new TextEncoder();
const READ_BYTES = 256 * 1024;

/** A masked frame; the mask is zero, which is allowed and spares the masking. */
export function clientFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const length = payload.length;
  const head = length < 126
    ? [0x80 | opcode, 0x80 | length]
    : length < 65536
    ? [0x80 | opcode, 0x80 | 126, length >> 8, length & 0xff]
    : [
      0x80 | opcode,
      0x80 | 127,
      0,
      0,
      0,
      0,
      length >>> 24,
      (length >> 16) & 0xff,
      (length >> 8) & 0xff,
      length & 0xff,
    ];
  const frame = new Uint8Array(head.length + 4 + length);
  frame.set(head);
  frame.set(MASK, head.length);
  frame.set(payload, head.length + 4);
  return frame;
}

/** All pieces behind each other, for one write. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((bytes, piece) => bytes + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** How to connect. */
export interface RawWebSocketOptions {
  readonly port: number;
  readonly path: string;
  readonly tls?: { readonly ca: string };
  readonly subprotocol?: string;
  readonly token?: string;
}

/** One connection. */
export class RawWebSocket {
  readonly #connection: Deno.Conn;
  readonly #buffer = new Uint8Array(READ_BYTES);
  /** Bytes that came after the handshake. */
  receivedBytes = 0;
  /** Told after each read. */
  onBytes: ((chunk: Uint8Array) => void) | null = null;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  static async open({ port, path, tls, token }: RawWebSocketOptions): Promise<RawWebSocket> {
    const connection = tls === undefined
      ? await Deno.connect({ hostname: "127.0.0.1", port })
      : await Deno.connectTls({ hostname: "localhost", port, caCerts: [tls.ca] });
    if ("setNoDelay" in connection) connection.setNoDelay(true);
    const socket = new RawWebSocket(connection);
    await socket.#upgrade(path, token);
    return socket;
  }

  /** Counts until the end of the connection. */
  async count(): Promise<void> {
    for (;;) {
      const bytes = await this.#connection.read(this.#buffer).catch(() => null);
      if (bytes === null) return;
      this.receivedBytes += bytes;
      this.onBytes?.(this.#buffer.subarray(0, bytes));
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await this.#connection.write(rest));
  }

  close(): void {
    try {
      this.#connection.close();
    } catch {
      // The server was first.
    }
  }

  async #upgrade(path: string, token: string | undefined): Promise<void> {
    const lines = [
      `GET ${path} HTTP/1.1`,
      "Host: 127.0.0.1",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
      ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    ];
    await this.write(encoder.encode(`${lines.join("\r\n")}\r\n\r\n`));
    let head = "";
    const one = new Uint8Array(1);
    while (!head.endsWith("\r\n\r\n")) {
      if (await this.#connection.read(one) === null) {
        throw new Error("Cannot open a WebSocket: the server closed");
      }
      head += String.fromCharCode(one[0] ?? 0);
    }
    if (!head.startsWith("HTTP/1.1 101")) {
      throw new Error(`Cannot open a WebSocket: ${head.split("\r\n")[0]}`);
    }
  }
}

/** Sums the payload lengths of unmasked frames in a stream of chunks, without copying. */
export class PayloadCounter {
  #head: number[] = [];
  #left = 0;
  /** Payload bytes so far. */
  bytes = 0;

  add(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, chunk.length - at);
        this.#left -= taken;
        this.bytes += taken;
        at += taken;
        continue;
      }
      this.#head.push(chunk[at++] ?? 0);
      const short = (this.#head[1] ?? 0) & 0x7f;
      const headBytes = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (this.#head.length < headBytes) continue;
      const lengthBytes = headBytes === 2 ? [short] : this.#head.slice(2);
      this.#left = lengthBytes.reduce((sum, byte) => sum * 256 + byte, 0);
      this.#head = [];
    }
  }
}
