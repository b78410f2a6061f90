/** A service of TCP for benchmarks that sends back what comes. Prints its port. */
import { createServer } from "node:net";
import { print } from "./console.ts";

const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
  socket.on("error", () => {});
  socket.pipe(socket);
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  print(String(typeof address === "object" ? address?.port : 0));
});
