/**
 * One of the two hops between a client and its target, as a process of its own: with streams on one connection, or as
 * a raw relay with a connection each. Prints the port that it listens on; for every number that it is told, "go" and
 * the bytes that it wrote on the link so far.
 */
import { connect, type Socket } from "node:net";
import { type GatedSocket, PlainSocket } from "../../src/link/gated_socket.ts";
import { SocketPump } from "../../src/link/socket_pump.ts";
import { Stream } from "../../src/link/stream.ts";
import { numbers, print } from "./console.ts";
import { createFlusher, dial, type LinkCertificates, listen, OPEN, startFrames } from "./frames_link.ts";

/** What a hop is told. */
export interface TunnelHop {
  readonly kind: "streams" | "raw";
  /** `near`: clients come here, and it dials the link. `far`: the link comes here, and it dials the target. */
  readonly side: "near" | "far";
  /** Where to dial. */
  readonly port: number;
  readonly certificates: LinkCertificates | null;
}

const task: TunnelHop = JSON.parse(Deno.args[0] ?? "{}");
const { certificates } = task;
const links: GatedSocket[] = [];

function target(): Socket {
  return connect({ port: task.port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
}

/** The raw relay: what comes on one socket goes out on the other. */
function relay(one: Socket, other: Socket): void {
  one.pipe(other);
  other.pipe(one);
  for (const [a, b] of [[one, other], [other, one]] as const) a.on("error", () => b.destroy());
}

async function near(): Promise<number> {
  if (task.kind === "raw") {
    return await listen(async ({ socket }) => {
      socket.pause();
      const link = await dial(task.port, certificates);
      links.push(link);
      relay(socket, link.socket);
    }, null);
  }
  const flusher = createFlusher();
  const link = await dial(task.port, certificates);
  links.push(link);
  const { mux } = startFrames({ link, role: "spoke", flusher });
  return await listen((client) => {
    const pump = new SocketPump(client, flusher);
    const stream = mux.open(OPEN, pump);
    if (!(stream instanceof Stream)) throw new Error(`Cannot open a stream: ${stream}`);
    pump.start(stream);
  }, null);
}

async function far(): Promise<number> {
  if (task.kind === "raw") return await listen(({ socket }) => relay(socket, target()), certificates);
  const flusher = createFlusher();
  return await listen((link) => {
    startFrames({
      link,
      role: "hub",
      flusher,
      accept: (stream) => {
        const pump = new SocketPump(new PlainSocket(target()), flusher);
        pump.start(stream);
        return pump;
      },
    });
  }, certificates);
}

print(String(task.side === "near" ? await near() : await far()));
for await (const _ of numbers()) {
  print("go");
  print(String(links.reduce((sum, { socket }) => sum + socket.bytesWritten, 0)));
}
