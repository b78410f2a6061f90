/**
 * Large bodies over HTTP, made and checked as they flow: a service that takes and gives them, and visitors. Everything
 * is a part of one pattern that repeats at an odd length, so that a piece that is lost, doubled or moved shows.
 */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import {
  type BodyDecoder,
  type BodyFraming,
  createBodyDecoder,
  encodeChunk,
  encodeLastChunk,
  requestFraming,
  responseFraming,
} from "../src/wire/http_body.ts";
import {
  type HttpHeadResult,
  type HttpRefusal,
  isRefusal,
  RequestReader,
  ResponseReader,
} from "../src/wire/http_head.ts";
import { room, TcpService } from "../tests/helpers/tcp_echo.ts";

/** How a body says where it ends. */
export type TransferFraming = "length" | "chunked";

/** One transfer. */
export interface Transfer {
  /** Where visitors come in. */
  readonly port: number;
  readonly host: string;
  readonly bytes: number;
  readonly framing: TransferFraming;
  /** Told how many bytes arrived. */
  readonly onBytes: (bytes: number) => void;
}

const PATTERN_BYTES = 1024 * 1024 + 7;
const PIECE_BYTES = 64 * 1024;
/** The most bytes that `getRandomValues` gives at a time. */
const RANDOM_BYTES = 65_536;

/** What bodies are made of. */
function createPattern(): Buffer {
  const pattern = Buffer.alloc(PATTERN_BYTES);
  for (let at = 0; at < PATTERN_BYTES; at += RANDOM_BYTES) {
    crypto.getRandomValues(pattern.subarray(at, at + RANDOM_BYTES));
  }
  return pattern;
}

/** Compares what comes with the pattern. */
class Checker {
  bytes = 0;
  isRight = true;
  readonly #pattern: Buffer;

  constructor(pattern: Buffer) {
    this.#pattern = pattern;
  }

  take(part: Uint8Array): void {
    for (let at = 0; at < part.length;) {
      const from = this.bytes % PATTERN_BYTES;
      const length = Math.min(part.length - at, PATTERN_BYTES - from);
      const expected = this.#pattern.subarray(from, from + length);
      if (!expected.equals(part.subarray(at, at + length))) this.isRight = false;
      at += length;
      this.bytes += length;
    }
  }
}

/** Reads one message: hands its body to a checker, and resolves with `null`, or what is wrong with it. */
function readMessage<H>(
  socket: Socket,
  { reader, framingOf, onPart }: {
    readonly reader: { feed(bytes: Uint8Array): HttpHeadResult<H> };
    readonly framingOf: (head: H) => BodyFraming | HttpRefusal;
    readonly onPart: (part: Uint8Array) => void;
  },
): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  let body: BodyDecoder | null = null;
  const take = (bytes: Uint8Array): void => {
    let rest = bytes;
    if (body === null) {
      const result = reader.feed(bytes);
      if (result.kind === "incomplete") return;
      if (result.kind === "refused") return resolve(result.reason);
      const framing = framingOf(result.head);
      if (isRefusal(framing)) return resolve(framing.reason);
      body = createBodyDecoder(framing);
      rest = result.rest;
    }
    if (body.isOver) return resolve(null);
    const piece = body.feed(rest);
    if (isRefusal(piece)) return resolve(piece.reason);
    for (const part of piece.parts) onPart(part);
    if (piece.isOver) resolve(null);
  };
  socket.on("data", take);
  socket.once("close", () => resolve("the connection was cut"));
  return promise;
}

/** Writes a body, as fast as it is taken. */
async function writeBody(
  socket: Socket,
  { pattern, bytes, framing }: { pattern: Buffer; bytes: number; framing: TransferFraming },
): Promise<void> {
  for (let at = 0; at < bytes && !socket.destroyed;) {
    const from = at % PATTERN_BYTES;
    const length = Math.min(PIECE_BYTES, PATTERN_BYTES - from, bytes - at);
    const part = pattern.subarray(from, from + length);
    at += length;
    socket.cork();
    const pieces = framing === "chunked" ? encodeChunk(part) : [part];
    const isTaken = pieces.map((piece) => socket.write(piece)).at(-1) === true;
    socket.uncork();
    if (!isTaken) await room(socket);
  }
  if (framing === "chunked") socket.write(encodeLastChunk(""));
}

function framingLine(framing: TransferFraming, bytes: number): string {
  return framing === "length" ? `Content-Length: ${bytes}\r\n` : "Transfer-Encoding: chunked\r\n";
}

/** The service, and visits of it. */
export class LargeBodies implements AsyncDisposable {
  readonly #service: TcpService;
  readonly #pattern: Buffer;

  private constructor(service: TcpService, pattern: Buffer) {
    this.#service = service;
    this.#pattern = pattern;
  }

  static async start(): Promise<LargeBodies> {
    const pattern = createPattern();
    return new LargeBodies(await TcpService.start((socket) => void serve(socket, pattern)), pattern);
  }

  get port(): number {
    return this.#service.port;
  }

  /** Uploads; `null`, or what is wrong with what arrived. */
  async upload({ port, host, bytes, framing, onBytes }: Transfer): Promise<string | null> {
    const socket = await connected(port);
    socket.write(
      `POST /up HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${framingLine(framing, bytes)}\r\n`,
    );
    let text = "";
    const answered = readMessage(socket, {
      reader: new ResponseReader(),
      framingOf: (head) => responseFraming(head, "POST"),
      onPart: (part) => text += Buffer.from(part).toString(),
    });
    const timer = setInterval(() => onBytes(socket.bytesWritten), 100);
    await writeBody(socket, { pattern: this.#pattern, bytes, framing });
    const fault = await answered;
    clearInterval(timer);
    onBytes(bytes);
    await ended(socket);
    return fault ?? (text === `${bytes} true` ? null : `the service got ${text} instead of ${bytes} true`);
  }

  /** Downloads; `null`, or what is wrong with what arrived. */
  async download({ port, host, bytes, framing, onBytes }: Transfer): Promise<string | null> {
    const socket = await connected(port);
    socket.write(`GET /${framing}/${bytes} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    const checker = new Checker(this.#pattern);
    const fault = await readMessage(socket, {
      reader: new ResponseReader(),
      framingOf: (head) => responseFraming(head, "GET"),
      onPart: (part) => {
        checker.take(part);
        onBytes(checker.bytes);
      },
    });
    await ended(socket);
    const isWhole = checker.bytes === bytes && checker.isRight;
    return fault ?? (isWhole ? null : `the visitor got ${checker.bytes} bytes of ${bytes}, or others`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service[Symbol.asyncDispose]();
  }
}

async function connected(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  socket.on("error", () => {});
  return socket;
}

async function ended(socket: Socket): Promise<void> {
  if (socket.closed) return;
  const closed = once(socket, "close");
  socket.destroy();
  await closed;
}

/** Serves one request. */
async function serve(socket: Socket, pattern: Buffer): Promise<void> {
  const checker = new Checker(pattern);
  let target = "";
  const fault = await readMessage(socket, {
    reader: new RequestReader(),
    framingOf: (head) => {
      target = head.target;
      return requestFraming(head);
    },
    onPart: (part) => checker.take(part),
  });
  if (fault !== null) return void socket.destroy();
  const [, framing, bytes] = target.split("/");
  const end = "Connection: close\r\n\r\n";
  if (framing === "length" || framing === "chunked") {
    socket.write(`HTTP/1.1 200 OK\r\n${framingLine(framing, Number(bytes))}${end}`);
    await writeBody(socket, { pattern, bytes: Number(bytes), framing });
  } else {
    const text = `${checker.bytes} ${checker.isRight}`;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n${end}${text}`);
  }
  socket.end();
}
