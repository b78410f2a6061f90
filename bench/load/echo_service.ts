/** A service of TCP for benchmarks that sends back what comes. Prints its port. */
import { print } from "./console.ts";
import { writeAll } from "./web_socket.ts";

const BUFFER_BYTES = 64 * 1024;

async function echo(connection: Deno.TcpConn): Promise<void> {
  connection.setNoDelay(true);
  // One for all that comes: the service is not what is measured, and its collector would be.
  const buffer = new Uint8Array(BUFFER_BYTES);
  try {
    for (let read = await connection.read(buffer); read !== null; read = await connection.read(buffer)) {
      await writeAll(connection, buffer.subarray(0, read));
    }
  } catch {
    // Whoever measured is gone.
  }
  connection.close();
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
print(String(listener.addr.port));
for await (const connection of listener) void echo(connection);
