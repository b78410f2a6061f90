/**
 * A client of the CloudBridge handshake, written from its description alone: lines of JSON, and frames after the login
 * where both sides know them. It opens streams to what the hub reaches for it.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

type Json = Readonly<Record<string, unknown>>;

const [OPEN, DATA, CLOSE, WINDOW] = [0x20, 0x21, 0x22, 0x23];
const HEARTBEAT = 0x00;
const [ACK, END] = [0x01, 0x01];

/** One frame of a stream. */
interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

/** One client. */
export class CloudBridgeClient implements AsyncDisposable {
  readonly #socket: Socket;
  #received = new Uint8Array(0);
  #lastStream = -1;

  constructor({ port, ca }: { readonly port: number; readonly ca?: string | undefined }) {
    this.#socket = ca === undefined
      ? connect({ host: "127.0.0.1", port })
      : connectTls({ host: "localhost", port, ca, servername: "localhost" });
    this.#socket.on("error", () => {});
    this.#socket.on("data", (chunk: Uint8Array) => {
      this.#received = Uint8Array.from([...this.#received, ...chunk]);
      this.#socket.emit("more");
    });
    this.#socket.once("close", () => this.#socket.emit("more"));
  }

  /** Says something and gives the answer. */
  async ask(object: Json): Promise<Json> {
    this.write(object);
    return await this.answer();
  }

  write(object: Json): void {
    this.#socket.write(`${JSON.stringify(object)}\n`);
  }

  async answer(): Promise<Json> {
    while (!this.#received.includes(0x0a)) await this.#more();
    const line = this.#take(this.#received.indexOf(0x0a) + 1);
    return JSON.parse(new TextDecoder().decode(line));
  }

  /** Says hello and logs in; gives the id that the hub gave. */
  async logIn(token: string, features: readonly string[]): Promise<string> {
    await this.ask({ type: "hello", version: "1.0", features });
    const { client_id: id } = await this.ask({ type: "auth", token });
    return String(id);
  }

  /** Opens a stream to what the hub reaches, sends bytes and the end of them; gives what came back, or the reset. */
  async exchange(host: string, port: number, bytes: Uint8Array): Promise<Uint8Array | number> {
    const stream = this.#lastStream += 2;
    const open = new TextEncoder().encode(JSON.stringify({ target: { agent: "hub", host, port } }));
    this.send({ type: OPEN, flags: 0, stream, payload: open });
    this.send({ type: DATA, flags: END, stream, payload: bytes });
    const parts: number[] = [];
    for (;;) {
      const frame = await this.frame();
      if (frame.type === HEARTBEAT) this.send({ ...frame, flags: ACK });
      if (frame.stream !== stream) continue;
      if (frame.type === CLOSE) return new DataView(frame.payload.buffer).getUint32(0);
      if (frame.type !== DATA) continue;
      parts.push(...frame.payload);
      if ((frame.flags & END) !== 0) return Uint8Array.from(parts);
      const credit = new Uint8Array(4);
      new DataView(credit.buffer).setUint32(0, frame.payload.length);
      this.send({ type: WINDOW, flags: 0, stream, payload: credit });
    }
  }

  send({ type, flags, stream, payload }: Frame): void {
    const head = new DataView(new ArrayBuffer(12));
    head.setUint8(0, 1);
    head.setUint8(1, type);
    head.setUint8(2, flags);
    head.setUint32(4, stream);
    head.setUint32(8, payload.length);
    this.#socket.write(new Uint8Array([...new Uint8Array(head.buffer), ...payload]));
  }

  async frame(): Promise<Frame> {
    while (this.#received.length < 12) await this.#more();
    const view = new DataView(this.#received.buffer, 0, 12);
    const length = view.getUint32(8);
    while (this.#received.length < 12 + length) await this.#more();
    const [type, flags, stream] = [view.getUint8(1), view.getUint8(2), view.getUint32(4)];
    return { type, flags, stream, payload: this.#take(12 + length).slice(12) };
  }

  #take(length: number): Uint8Array {
    const taken = this.#received.slice(0, length);
    this.#received = this.#received.slice(length);
    return taken;
  }

  async #more(): Promise<void> {
    if (this.#socket.closed) throw new Error("the hub closed the connection");
    await once(this.#socket, "more");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.closed) return;
    this.#socket.destroy();
    await once(this.#socket, "close");
  }
}
