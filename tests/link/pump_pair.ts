/** Two pumps with a link between them. */
import assert from "node:assert/strict";
import { Flusher } from "../../src/link/flusher.ts";
import { SocketPump } from "../../src/link/socket_pump.ts";
import { Stream } from "../../src/link/stream.ts";
import type { TestCertificates } from "../helpers/certificates.ts";
import { framesPair, socketPair } from "./frames_pair.ts";
import { KIB, OPEN } from "./mux_pair.ts";

/** A client and a server joined by a stream: client socket, pump, link, pump, server socket. */
export async function tunnel(certificates: TestCertificates | undefined) {
  const pair = await framesPair({ certificates });
  const [clientSide, serverSide] = [await socketPair(undefined), await socketPair(undefined)];
  const flusher = new Flusher(64 * KIB);
  const streams: Stream[] = [];
  pair.hub.owner.takes = (stream) => {
    const pump = new SocketPump(serverSide.near, flusher);
    streams.push(stream);
    pump.start(stream);
    return pump;
  };
  const pump = new SocketPump(clientSide.near, flusher);
  const stream = pair.spoke.transport.mux.open(OPEN, pump);
  assert.ok(stream instanceof Stream);
  pump.start(stream);
  const [client, server] = [clientSide.far.socket, serverSide.far.socket];
  return {
    client,
    server,
    pair,
    /** The sockets of the pumps. */
    pumped: [clientSide.near.socket, serverSide.near.socket],
    streams: () => [stream, ...streams],
    [Symbol.asyncDispose]: async () => {
      for (const side of [clientSide, serverSide, pair]) await side[Symbol.asyncDispose]();
    },
  };
}
