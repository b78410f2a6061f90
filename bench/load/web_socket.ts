/**
 * Opens WebSockets with as few reads and writes as there can be, plain or over TLS, small writes never held back.
 * Every TLS connection does a full handshake: the runtime makes a new client configuration for each, so there is
 * no session that could be resumed.
 */

/** Where to connect. */
export interface LoadTarget {
  readonly port: number;
  /** PEM of the authority that signed the hub's certificate; without it the connection is plain. */
  readonly ca?: string;
}

const HEAD_END = "\r\n\r\n";
const MAX_HEAD_BYTES = 4096;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Opens a WebSocket; nothing but the answer to the handshake has been read from it, or what the hub says at once up
 * to the text `until`.
 */
export async function openWebSocket(
  target: LoadTarget,
  path: string,
  until = HEAD_END,
): Promise<Deno.Conn> {
  const connection = await connect(target);
  await writeAll(connection, upgradeRequest(path));
  let head = "";
  const buffer = new Uint8Array(MAX_HEAD_BYTES);
  while (!head.endsWith(until)) {
    const bytes = await connection.read(buffer);
    if (bytes === null) throw new Error("Cannot open a WebSocket: the server closed");
    head += decoder.decode(buffer.subarray(0, bytes));
    if (head.length > MAX_HEAD_BYTES) throw new Error("Cannot open a WebSocket: the answer does not end");
  }
  if (!head.startsWith("HTTP/1.1 101")) throw new Error(`Cannot open a WebSocket: ${head.split("\r\n")[0]}`);
  return connection;
}

/** Writes all bytes, however many writes that takes. */
export async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
}

/** Connects, over TLS where there is an authority to trust; small writes are never held back. */
export async function connect({ port, ca }: LoadTarget): Promise<Deno.Conn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  // A TLS connection has no such switch, so it is set below it.
  connection.setNoDelay(true);
  if (ca === undefined) return connection;
  return await Deno.startTls(connection, { hostname: "localhost", caCerts: [ca] });
}

function upgradeRequest(path: string): Uint8Array {
  const lines = [
    `GET ${path} HTTP/1.1`,
    "Host: localhost",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
  ];
  return encoder.encode(`${lines.join("\r\n")}${HEAD_END}`);
}
