/** TCP servers of tests on free loopback ports, gone at the end of their scope. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A server that does with each connection what it is told. */
export class TcpService implements AsyncDisposable {
  readonly sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(onSocket: (socket: Socket) => void) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => this.sockets.delete(socket));
      onSocket(socket);
    });
  }

  static async start(onSocket: (socket: Socket) => void, port = 0): Promise<TcpService> {
    const service = new TcpService(onSocket);
    service.#server.listen(port, "127.0.0.1");
    await once(service.#server, "listening");
    return service;
  }

  /** Sends back what comes, and its end. */
  static echo(): Promise<TcpService> {
    return TcpService.start((socket) => socket.pipe(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** A visitor of a port, who remembers what came. */
export class Visitor implements AsyncDisposable {
  readonly socket: Socket;
  /** Resolves with everything once the other side ended. */
  readonly all: Promise<Uint8Array>;
  /** Resolves with the code of the error, `null` after a clean end. */
  readonly closed: Promise<string | null>;
  #bytes: Uint8Array[] = [];
  #length = 0;
  #waiting: { length: number; resolve: () => void } | null = null;

  private constructor(port: number) {
    this.socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
    const all = Promise.withResolvers<Uint8Array>();
    const closed = Promise.withResolvers<string | null>();
    let code: string | null = null;
    this.socket.on("error", (error: Error & { code?: string }) => code = error.code ?? "?");
    this.socket.on("data", (chunk: Uint8Array) => {
      this.#bytes.push(chunk);
      this.#length += chunk.length;
      if (this.#waiting !== null && this.#length >= this.#waiting.length) this.#waiting.resolve();
    });
    this.socket.on("end", () => all.resolve(this.bytes));
    this.socket.on("close", () => {
      closed.resolve(code);
      all.resolve(this.bytes);
      this.#waiting?.resolve();
    });
    this.all = all.promise;
    this.closed = closed.promise;
  }

  static async at(port: number): Promise<Visitor> {
    const visitor = new Visitor(port);
    await Promise.race([once(visitor.socket, "connect"), visitor.closed]);
    return visitor;
  }

  /** What came so far. */
  get bytes(): Uint8Array {
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#bytes) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }

  /** Until so many bytes came, or it is over. */
  async got(length: number): Promise<void> {
    if (this.#length >= length || this.socket.closed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = { length, resolve };
    await promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }
}

/** Until more can be written, or never. */
export async function room(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("drain", resolve);
  socket.once("close", resolve);
  await promise;
  socket.off("drain", resolve);
  socket.off("close", resolve);
}

/**
 * Stands between a client and a port and passes on bytes as they are, so that the end of those from the port shows what
 * a client over TLS is not told: `end`, or the code of an error.
 */
export function relayTo(port: number, onEnd: (how: string) => void): Promise<TcpService> {
  return TcpService.start((near) => {
    const far = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    far.on("error", (error: Error & { code?: string }) => onEnd(error.code ?? "error"));
    far.on("end", () => onEnd("end"));
    near.pipe(far, { end: false });
    far.pipe(near, { end: false });
    far.once("close", () => near.destroy());
    near.once("close", () => far.destroy());
  });
}
