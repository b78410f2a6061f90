/** A bare TCP client for bytes that no proper client would send. */
import assert from "node:assert/strict";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A frame as it travels, and what of it can be wrong. */
export interface RawFrame {
  readonly opcode: number;
  readonly payload?: Uint8Array | string;
  /** @default true */
  readonly fin?: boolean;
  /** Clients must mask. @default true */
  readonly masked?: boolean;
  /** A length that is claimed instead of the payload's. */
  readonly claimedLength?: bigint;
}

/** The close code of a close frame that the hub sent. */
export interface HubFrame {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/** One TCP connection. */
export class RawClient implements Disposable {
  readonly #connection: Deno.Conn;
  #received: Uint8Array = new Uint8Array(0);
  #closed = false;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  static async connect(port: number): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Connects and does a proper WebSocket handshake. */
  static async upgraded(port: number, path = "/relay"): Promise<RawClient> {
    const client = await RawClient.connect(port);
    await client.write(upgradeRequest({ path }));
    assert.match(await client.readHead(), /^HTTP\/1\.1 101 /);
    return client;
  }

  /** Writes all bytes; what cannot be written because the hub closed is ignored. */
  async write(data: Uint8Array | string): Promise<void> {
    let rest = typeof data === "string" ? encoder.encode(data) : data;
    try {
      while (rest.length > 0) rest = rest.subarray(await this.#connection.write(rest));
    } catch {
      this.#closed = true;
    }
  }

  async sendFrame(frame: RawFrame): Promise<void> {
    await this.write(encodeClientFrame(frame));
  }

  /** Sends FIN. */
  async finish(): Promise<void> {
    await this.#connection.closeWrite();
  }

  /** Everything until the hub closes, reset or not. */
  async readToEnd(): Promise<Uint8Array> {
    while (await this.#more());
    return this.#received;
  }

  /** The same as text. */
  async readText(): Promise<string> {
    return decoder.decode(await this.readToEnd());
  }

  /** An HTTP head with its empty line. */
  async readHead(): Promise<string> {
    for (;;) {
      const end = decoder.decode(this.#received).indexOf("\r\n\r\n");
      if (end >= 0) return decoder.decode(this.#take(end + 4));
      assert.ok(await this.#more(), "the hub closed before the head was complete");
    }
  }

  /** The next WebSocket frame of the hub; `null` when it closed. */
  async readFrame(): Promise<HubFrame | null> {
    if (!await this.#need(2)) return null;
    const short = (this.#received[1] ?? 0) & 0x7f;
    const headBytes = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (!await this.#need(headBytes)) return null;
    const view = new DataView(this.#received.buffer, this.#received.byteOffset);
    const length = short === 126 ? view.getUint16(2) : short === 127 ? Number(view.getBigUint64(2)) : short;
    if (!await this.#need(headBytes + length)) return null;
    const frame = this.#take(headBytes + length);
    return { opcode: (frame[0] ?? 0) & 0x0f, payload: frame.slice(headBytes) };
  }

  /** The code of the close frame that comes next, other frames skipped; `null` when there is none. */
  async readCloseCode(): Promise<number | null> {
    for (let frame = await this.readFrame(); frame !== null; frame = await this.readFrame()) {
      if (frame.opcode !== 0x8) continue;
      return new DataView(frame.payload.buffer, frame.payload.byteOffset).getUint16(0);
    }
    return null;
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  async #need(bytes: number): Promise<boolean> {
    while (this.#received.length < bytes) if (!await this.#more()) return false;
    return true;
  }

  #take(bytes: number): Uint8Array {
    const taken = this.#received.slice(0, bytes);
    this.#received = this.#received.slice(bytes);
    return taken;
  }

  async #more(): Promise<boolean> {
    if (this.#closed) return false;
    const buffer = new Uint8Array(65536);
    const count = await this.#connection.read(buffer).catch(() => null);
    if (count === null) {
      this.#closed = true;
      return false;
    }
    const whole = new Uint8Array(this.#received.length + count);
    whole.set(this.#received);
    whole.set(buffer.subarray(0, count), this.#received.length);
    this.#received = whole;
    return true;
  }
}

/** A WebSocket handshake; fields may be replaced, or left out with `null`. */
export function upgradeRequest(
  { path = "/relay", fields = {} }: { path?: string; fields?: Record<string, string | null> } = {},
): string {
  const all: Record<string, string | null> = {
    "Host": "127.0.0.1",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    ...fields,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== null).map(([name, value]) =>
    `${name}: ${value}`
  );
  return `GET ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

/** A frame as a client sends it. */
export function encodeClientFrame(
  { opcode, payload = "", fin = true, masked = true, claimedLength }: RawFrame,
): Uint8Array {
  const data = typeof payload === "string" ? encoder.encode(payload) : payload;
  const length = claimedLength ?? BigInt(data.length);
  const mask = [0x12, 0x34, 0x56, 0x78];
  const head = [(fin ? 0x80 : 0) | opcode];
  const maskBit = masked ? 0x80 : 0;
  if (length < 126n) head.push(maskBit | Number(length));
  else if (length <= 0xffffn) head.push(maskBit | 126, Number(length >> 8n), Number(length & 0xffn));
  else {
    head.push(maskBit | 127);
    for (let shift = 56n; shift >= 0n; shift -= 8n) head.push(Number((length >> shift) & 0xffn));
  }
  if (masked) head.push(...mask);
  const body = masked ? data.map((byte, i) => byte ^ (mask[i % 4] ?? 0)) : data;
  const frame = new Uint8Array(head.length + body.length);
  frame.set(head);
  frame.set(body, head.length);
  return frame;
}
