/** How long a visitor may take for what. */
import assert from "node:assert/strict";
import { until } from "../helpers/event_loop.ts";
import { LIMIT_MS, STALL_MS, VisitorScene } from "./visitor_scene.ts";

const MIB = 1024 * 1024;
/** More than the sockets of both ends take. */
const LARGE = 24 * MIB;
const HOST = "Host: app.localhost\r\n";
const LARGE_HEAD = `HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n`;
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Requests, and the head of the large answer to each. */
const WAYS = [
  ["ends with it", `GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, LARGE_HEAD],
  ["goes on after it", `GET / HTTP/1.1\r\n${HOST}\r\n`, LARGE_HEAD],
  ["is its end", `GET / HTTP/1.0\r\n${HOST}\r\n`, "HTTP/1.1 200 OK\r\n\r\n"],
] as const;

/** A scene whose visitor rests in the middle of an answer that is complete. */
async function resting(request: string, head: string): Promise<VisitorScene> {
  const scene = await VisitorScene.start();
  scene.visitor.socket.pause();
  const stream = await scene.asks(request);
  stream.say(head);
  await stream.sayMuch(LARGE);
  stream.hub.end();
  await scene.isBehind();
  return scene;
}

/** What was recorded: each status, and whether the answer was whole. */
function outcomes({ records }: VisitorScene): (number | boolean)[][] {
  return records.map(({ status, isWhole }) => [status, isWhole]);
}

/** Whether the visitor got all of the body, and nothing behind it. */
function hasAll({ visitor, gotBytes }: VisitorScene): boolean {
  const { bytes } = visitor;
  const headBytes = new TextDecoder("latin1").decode(bytes.subarray(0, 1000)).indexOf("\r\n\r\n") + 4;
  return gotBytes === headBytes + LARGE;
}

for (const [name, request, head] of WAYS) {
  Deno.test(`Visitor: who rests in an answer gets all of it, where the connection ${name}`, async () => {
    await using scene = await resting(request, head);
    scene.pass(STALL_MS - 1);
    assert.deepEqual(scene.records, []);
    scene.visitor.socket.resume();
    await until(() => scene.records.length > 0);
    assert.deepEqual(outcomes(scene), [[200, true]]);
    await until(() => scene.gotBytes >= LARGE);
    // What counts from now on is how long it is idle, or lingers.
    scene.pass(LIMIT_MS - 1);
    assert.equal(scene.socket.destroyed, false);
    scene.visitor.socket.end();
    assert.equal(await scene.visitor.closed, null);
    assert.deepEqual([hasAll(scene), scene.records.length], [true, 1]);
  });

  Deno.test(`Visitor: who takes nothing for a minute is reset, where the connection ${name}`, async () => {
    await using scene = await resting(request, head);
    scene.pass(1);
    scene.pass(STALL_MS);
    scene.visitor.socket.resume();
    assert.equal(await scene.visitor.closed, "ECONNRESET");
    await until(() => scene.records.length > 0);
    assert.deepEqual(outcomes(scene), [[200, false]]);
    assert.deepEqual(scene.ended, ["send_timeout"]);
    assert.equal(hasAll(scene), false);
  });
}

Deno.test("Visitor: who takes a little now and then is not cut", async () => {
  await using scene = await resting(...WAYS[0].slice(1) as [string, string]);
  for (let times = 0; times < 3; times++) {
    scene.pass(STALL_MS - 1);
    const { gotBytes } = scene;
    scene.visitor.socket.resume();
    // More than what waits between the ends, so that the hub sees it.
    await until(() => scene.gotBytes > gotBytes + 6 * MIB);
    scene.visitor.socket.pause();
  }
  scene.visitor.socket.resume();
  await scene.visitor.all;
  assert.ok(hasAll(scene));
});

Deno.test("Visitor: a hub that stops lets it take what it has, and then ends the connection", async () => {
  await using scene = await resting(WAYS[1][1], WAYS[1][2]);
  scene.isDraining = true;
  scene.connection.drain();
  scene.pass(STALL_MS - 1);
  scene.visitor.socket.resume();
  await scene.visitor.all;
  assert.ok(hasAll(scene));
  assert.deepEqual(outcomes(scene), [[200, true]]);
});

Deno.test("Visitor: what it asks for next waits until it took the answer before", async () => {
  await using scene = await resting(WAYS[1][1].repeat(3), WAYS[1][2]);
  await scene.isBehind();
  assert.equal(scene.streams.length, 1);
  scene.visitor.socket.resume();
  for (const number of [2, 3]) {
    await until(() => scene.streams.length >= number);
    scene.streams[number - 1]?.say(OK);
  }
  await until(() => scene.records.length === 3);
  assert.ok(scene.records.every(({ isWhole }) => isWhole));
});

Deno.test("Visitor: who leaves before it has everything is recorded as one who has not", async () => {
  await using scene = await resting(WAYS[0][1], WAYS[0][2]);
  scene.visitor.socket.resetAndDestroy();
  await until(() => scene.records.length > 0);
  assert.deepEqual(outcomes(scene), [[200, false]]);
});

const UPLOAD = `POST / HTTP/1.1\r\n${HOST}Content-Length: 10\r\n`;

Deno.test("Visitor: who stalls its upload is late itself, with a service that takes no more that is", async () => {
  for (
    const [fields, body, isOpen, status] of [
      ["", "abc", true, 408],
      ["", "", true, 408],
      ["", "abc", false, 504],
      ["", "0123456789", true, 504],
      ["Expect: 100-continue\r\n", "", true, 504],
      ["Expect: 100-continue\r\n", "abc", true, 408],
    ] as const
  ) {
    await using scene = await VisitorScene.start();
    const stream = await scene.asks(`${UPLOAD}${fields}\r\n`);
    stream.isOpen = isOpen;
    scene.visitor.socket.write(body);
    await until(() => stream.text.endsWith(`\r\n\r\n${body}`));
    scene.pass(LIMIT_MS - 1);
    assert.deepEqual(scene.records, []);
    scene.pass(1);
    await until(() => scene.records.length > 0);
    assert.deepEqual(outcomes(scene), [[status, true]]);
    assert.ok(stream.resetReason !== null);
    await until(() => scene.visitor.text.startsWith(`HTTP/1.1 ${status} `));
  }
});

Deno.test("Visitor: once the service takes more of an upload, the visitor has its time for it", async () => {
  await using scene = await VisitorScene.start();
  const stream = await scene.asks(`${UPLOAD}\r\n`);
  stream.isOpen = false;
  scene.visitor.socket.write("abc");
  await until(() => stream.text.endsWith("abc"));
  scene.pass(LIMIT_MS - 1);
  stream.hub.drained();
  scene.pass(LIMIT_MS - 1);
  assert.deepEqual(scene.records, []);
});

const UPGRADE = `POST / HTTP/1.1\r\n${HOST}Connection: upgrade\r\nUpgrade: foo\r\n`;
const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n";

Deno.test("Visitor: what comes before the 101 holds it up like what comes after, where the agent takes no more", async () => {
  await using scene = await VisitorScene.start();
  const stream = await scene.asks(`${UPGRADE}Content-Length: 2\r\n\r\nokahead`);
  stream.isOpen = false;
  stream.say(SWITCHED);
  assert.ok(stream.text.endsWith("okahead"));
  assert.equal(scene.socket.isPaused(), true);
  stream.isOpen = true;
  stream.hub.drained();
  scene.visitor.socket.write("more");
  await until(() => stream.text.endsWith("okaheadmore"));
});

Deno.test("Visitor: a 101 before the request is complete is 502", async () => {
  await using scene = await VisitorScene.start();
  const stream = await scene.asks(`${UPGRADE}Transfer-Encoding: chunked\r\n\r\n64\r\n0123456789`);
  stream.say(SWITCHED);
  await until(() => scene.records.length > 0);
  assert.deepEqual(outcomes(scene), [[502, true]]);
  assert.ok(stream.resetReason !== null);
});
