import assert from "node:assert/strict";
import { SocketTurns } from "../../src/link/socket_turns.ts";
import { Turns } from "../../src/link/turns.ts";

/** Two ends of a connection. */
async function connected(): Promise<[Deno.TcpConn, Deno.TcpConn]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const near = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  near.setNoDelay(true);
  return [near, await listener.accept()];
}

Deno.test("Socket turns: a turn is over when what came before its end was read", async () => {
  const ends = await SocketTurns.open();
  const turns = new Turns(ends.atEndOfTurn);
  const [near, far] = await connected();
  const order: string[] = [];
  for (let at = 0; at < 50; at++) {
    const read = far.read(new Uint8Array(1)).then(() => void order.push("read"));
    near.write(new Uint8Array(1));
    const turn = new Promise<void>((resolve) =>
      turns.next({ nextTurn: () => resolve(void order.push("turn")) })
    );
    await Promise.all([read, turn]);
  }
  for (const end of [near, far, ends]) end.close();
  assert.deepEqual(order, Array.from({ length: 50 }, () => ["read", "turn"]).flat());
});

Deno.test("Socket turns: what waits when it is closed runs, and so does what comes", async () => {
  const ends = await SocketTurns.open();
  const ran: string[] = [];
  const first = new Promise<void>((resolve) => ends.atEndOfTurn(() => resolve(void ran.push("before"))));
  ends.close();
  ends.close();
  await first;
  await new Promise<void>((resolve) => ends.atEndOfTurn(() => resolve(void ran.push("behind"))));
  assert.deepEqual(ran, ["before", "behind"]);
});

Deno.test("Socket turns: a turn runs once, behind what the present one still does", async () => {
  const ends = await SocketTurns.open();
  const order: string[] = [];
  const turn = new Promise<void>((resolve) => ends.atEndOfTurn(() => resolve(void order.push("turn"))));
  queueMicrotask(() => order.push("microtask"));
  order.push("now");
  await turn;
  await new Promise((resolve) => setImmediate(resolve));
  ends.close();
  assert.deepEqual(order, ["now", "microtask", "turn"]);
});
