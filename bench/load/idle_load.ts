/**
 * Idle WebSockets, a process of its own: opens as many as each line of its input says, prints "go" when all are
 * there, and holds them until it is ended.
 */
import { RawWebSocket } from "./raw_websocket.ts";

const { port } = JSON.parse(Deno.args[0] ?? "{}");
const sockets: RawWebSocket[] = [];
const AT_ONCE = 50;

async function openUpTo(count: number): Promise<void> {
  while (sockets.length < count) {
    const batch = Math.min(AT_ONCE, count - sockets.length);
    const opened = await Promise.all(
      Array.from({ length: batch }, () => RawWebSocket.open({ port, path: "/relay" })),
    );
    for (const socket of opened) socket.count();
    sockets.push(...opened);
  }
  Deno.stdout.writeSync(new TextEncoder().encode("go\n"));
}

for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  for (const line of text.trim().split("\n")) await openUpTo(Number(line));
}
