/**
 * A service of HTTP for benchmarks that costs next to nothing: it answers each request without looking at it, with a
 * body of so many bytes. Told the number of bytes; prints its port.
 */
import { createServer, type Socket } from "node:net";
import { print } from "./console.ts";

const bytes = Number(Deno.args[0] ?? "0");
const head = new TextEncoder().encode(
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${bytes}\r\n\r\n`,
);
const answer = new Uint8Array(head.length + bytes);
answer.set(head);
answer.fill(0x78, head.length);

/** Counts the ends of heads: requests here have no bodies. */
function serve(socket: Socket): void {
  let seen = 0;
  socket.on("data", (chunk: Uint8Array) => {
    for (const byte of chunk) {
      const wanted = seen % 2 === 0 ? 0x0d : 0x0a;
      seen = byte === wanted ? seen + 1 : byte === 0x0d ? 1 : 0;
      if (seen === 4) {
        seen = 0;
        socket.write(answer);
      }
    }
  });
  socket.on("error", () => {});
}

const server = createServer({ noDelay: true }, serve);
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  print(String(typeof address === "object" ? address?.port : 0));
});
