/** A client of the CloudBridge handshake, written from the description of the protocol alone: lines, then frames. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

export type Line = Record<string, unknown>;
export type RawFrame = { type: number; flags: number; stream: number; payload: Uint8Array };
export const [HEARTBEAT, OPEN, DATA, CLOSE, CREDIT, ERROR] = [0x00, 0x20, 0x21, 0x22, 0x23, 0xff];
const NONE = new Uint8Array(0);

export function frame(type: number, stream: number, payload: Uint8Array | Line = NONE, flags = 0) {
  const body = payload instanceof Uint8Array ? payload : Buffer.from(JSON.stringify(payload));
  const head = Buffer.from([1, type, flags, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(stream, 4);
  head.writeUInt32BE(body.length, 8);
  return Buffer.concat([head, body]);
}

export class CloudBridgeClient implements AsyncDisposable {
  readonly #socket: Socket;
  #bytes = Buffer.alloc(0);
  #wake = () => {};
  #isOver = false;

  constructor({ port, ca }: { port: number; ca?: string | undefined }) {
    this.#socket = ca === undefined
      ? connect({ port, host: "127.0.0.1" })
      : connectTls({ port, host: "127.0.0.1", servername: "localhost", ca });
    for (const event of ["error", "end", "close"]) this.#socket.on(event, () => this.#arrived(null));
    this.#socket.on("data", (chunk: Buffer) => this.#arrived(chunk));
  }

  send(...parts: (Line | Uint8Array)[]): void {
    const all = parts.map((one) => one instanceof Uint8Array ? one : `${JSON.stringify(one)}\n`);
    this.#socket.write(Buffer.concat(all.map((one) => Buffer.from(one))));
  }

  async line(): Promise<Line | null> {
    const isThere = await this.#until(() => this.#bytes.includes(0x0a));
    return isThere ? JSON.parse(String(this.#take(this.#bytes.indexOf(0x0a) + 1))) : null;
  }

  ask(line: Line): Promise<Line | null> {
    this.send(line);
    return this.line();
  }

  /** The next frame that is no sign of life; those are answered. */
  async frame(): Promise<RawFrame | null> {
    if (!await this.#until(() => this.#bytes.length >= 12)) return null;
    const whole = 12 + this.#bytes.readUInt32BE(8);
    if (!await this.#until(() => this.#bytes.length >= whole)) return null;
    const bytes = this.#take(whole);
    const [type = 0, flags = 0] = bytes.subarray(1);
    const payload = bytes.subarray(12);
    if (type !== HEARTBEAT) return { type, flags, stream: bytes.readUInt32BE(4), payload };
    if (flags === 0) this.send(frame(HEARTBEAT, 0, payload, 1));
    return await this.frame();
  }

  /** Sends bytes over a new stream, with its end; gives all that comes back, or the code of a reset. */
  echo(stream: number, target: Line, bytes: Uint8Array): Promise<Buffer | number> {
    this.send(frame(OPEN, stream, { target }), frame(DATA, stream, bytes, 1));
    return this.collect(stream);
  }

  async collect(stream: number): Promise<Buffer | number> {
    const parts: Uint8Array[] = [];
    for (let next = await this.frame(); next !== null; next = await this.frame()) {
      if (next.stream !== stream) continue;
      if (next.type === CLOSE) return Buffer.from(next.payload).readUInt32BE(0);
      if (next.type === DATA) parts.push(next.payload);
      if (next.type === DATA && next.flags === 1) return Buffer.concat(parts);
    }
    throw new Error("the connection ended before the stream did");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    if (!this.#socket.closed) await once(this.#socket, "close");
  }

  #arrived(chunk: Buffer | null): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk ?? NONE]);
    this.#isOver ||= chunk === null;
    this.#wake();
  }

  #take(length: number): Buffer {
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  async #until(isSo: () => boolean): Promise<boolean> {
    while (!isSo() && !this.#isOver) await new Promise<void>((wake) => this.#wake = wake);
    return isSo();
  }
}
