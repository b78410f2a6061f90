/**
 * Session tickets of TLS from servers of the test's own process, which share the key of their tickets with the hub,
 * and a client that comes with one: that of openssl, as the runtime's own client resumes no session.
 */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { createSecureContext, type SecureContextOptions, TLSSocket, type TLSSocketOptions } from "node:tls";
import { upgradeRequest } from "./raw_client.ts";
import { findTool } from "./programs.ts";

const TLS_OPTION = { "TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3" } as const;

/** How a session is begun. */
export interface SessionOptions {
  readonly port: number;
  readonly version: keyof typeof TLS_OPTION;
  /** Paths of what the client shows. */
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
  /** Where the ticket is written to. */
  readonly save?: string;
  /** Where the ticket is that is resumed. */
  readonly resume?: string;
}

/** What came of it. */
export interface SessionOutcome {
  /** Whether TLS was resumed; `null`: there was no handshake. */
  readonly isResumed: boolean | null;
  /** The status of the answer for the relay; `null`: the connection ended without one. */
  readonly status: number | null;
}

/** Connects with openssl and asks for the relay. */
export async function openSession(
  { port, version, client, save, resume }: SessionOptions,
): Promise<SessionOutcome> {
  const command = new Deno.Command(findTool("openssl"), {
    args: [
      "s_client",
      ...["-connect", `127.0.0.1:${port}`, "-servername", "localhost", TLS_OPTION[version], "-ign_eof"],
      ...(client === undefined ? [] : ["-cert", client.cert, "-key", client.key]),
      ...(save === undefined ? [] : ["-sess_out", save]),
      ...(resume === undefined ? [] : ["-sess_in", resume]),
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  });
  await using child = command.spawn();
  const writer = child.stdin.getWriter();
  // It may be gone already, which is one of the outcomes.
  await writer.write(new TextEncoder().encode(upgradeRequest())).catch(() => {});
  let said = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream("latin1"))) {
    said += text;
    if (/HTTP\/1\.1 \d{3} [^]*\r\n\r\n/.test(said)) break;
  }
  await writer.close().catch(() => {});
  const status = /HTTP\/1\.1 (\d{3}) /.exec(said)?.[1];
  const handshake = /^(New|Reused), TLSv/m.exec(said)?.[1];
  return {
    isResumed: handshake === undefined ? null : handshake === "Reused",
    status: status === undefined ? null : Number(status),
  };
}

/** A server that gives tickets to whoever its TLS lets in, and answers as the hub does. */
export class TicketServer implements AsyncDisposable {
  readonly #server: Server;
  readonly port: number;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(context: SecureContextOptions, options: TLSSocketOptions = {}): Promise<TicketServer> {
    const secureContext = createSecureContext({ minVersion: "TLSv1.2", ...context });
    const server = createServer((raw) => {
      raw.on("error", () => {});
      const socket = new TLSSocket(raw, { isServer: true, secureContext, ...options });
      socket.on("error", () => raw.destroy());
      socket.once("data", () => socket.end("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", resolve);
    await promise;
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    return new TicketServer(server, address.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }
}
