/** The handshake of a load, with servers that answer as no hub would, and with tokens. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { run } from "./commands.ts";

/** Answers the first thing that comes, and keeps it. */
async function answering(
  answer: (head: string) => string,
  test: (url: string) => Promise<void>,
): Promise<string> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let head = "";
  const serving = (async () => {
    for await (const connection of listener) {
      using _connection = connection;
      const buffer = new Uint8Array(4096);
      const count = await connection.read(buffer) ?? 0;
      head = new TextDecoder().decode(buffer.subarray(0, count));
      const bytes = new TextEncoder().encode(answer(head));
      for (let at = 0; at < bytes.length;) {
        const written = await connection.write(bytes.subarray(at)).catch(() => null);
        if (written === null) break;
        at += written;
      }
      while (await connection.read(buffer).catch(() => null) !== null);
    }
  })();
  try {
    await test(`ws://127.0.0.1:${listener.addr.port}/a?b=c`);
  } finally {
    listener.close();
    await serving;
  }
  return head;
}

function accept(head: string): string {
  const key = /sec-websocket-key: (\S+)/i.exec(head)?.[1] ?? "";
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

const ARGS = ["bench", "--subscribers", "1"];

Deno.test("Load handshake: a refusal is exit 4, with the token in the header that is meant for it", async () => {
  const head = await answering(
    () => "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
    async (url) => {
      const { code, io } = await run([...ARGS, "--token", "secret", "--url", url]);
      assert.equal(code, 4);
      assert.match(
        io.errors,
        /^Cannot log in at .*: the hub refused with HTTP 401; see that the token is valid$/,
      );
    },
  );
  assert.match(head, /^GET \/a\?b=c HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/);
  assert.match(head, /\r\nAuthorization: Bearer secret\r\n/);
  assert.match(head, /\r\nSec-WebSocket-Protocol: trunkline\.text\.v1\r\n/);
});

Deno.test("Load handshake: what answers otherwise is no hub, exit 3", async () => {
  const answers: [(head: string) => string, RegExp][] = [
    [() => "SSH-2.0-OpenSSH_9.6\r\n\r\n", /no hub \(it does not answer in HTTP\/1\.1\)/],
    [() => "HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: AAAA\r\n\r\n", /not the one of a WebSocket/],
    [() => "x".repeat(100_000), /its answer to the handshake does not end/],
    [() => "HTTP/1.1 200 OK\r\n\r\n", /\(HTTP 200\)/],
    [
      (head) => `HTTP/1.1 101 Switching\r\nsec-websocket-accept: ${accept(head)}\r\n\r\n\xff\xff`,
      /what came is no message of a hub/,
    ],
  ];
  for (const [answer, wanted] of answers) {
    await answering(answer, async (url) => {
      const { code, io } = await run([...ARGS, "--url", url]);
      assert.equal(code, 3, io.errors);
      assert.match(io.errors, wanted);
    });
  }
});
