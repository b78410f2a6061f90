/** Dialling over real sockets, directly. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import { createDevelopmentCertificates } from "../../src/cli/dev_certificates.ts";
import { dial } from "../../src/agent/dial.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { TlsGate } from "../../src/link/gated_socket.ts";
import { freePort } from "../helpers/free_port.ts";
import { fieldOf, readHead, SocketServer, upgradeAnswer } from "../helpers/socket_server.ts";
import { dialFirst, echoed, failureOfDial, targetOf } from "./dialling.ts";
import { echo, echoFrames } from "./frame_servers.ts";

const { ca, server, client } = await createDevelopmentCertificates({
  hosts: ["127.0.0.1", "localhost"],
  days: 1,
});
const TLS = { cert: server.certPem, key: server.keyPem };
const CA = { ca: ca.certPem };
const BYTES = new Uint8Array(5000).map((_, i) => i * 7);

/** A server that answers each head with this and ends. */
function answering(answer: (head: string) => string): Promise<SocketServer> {
  return SocketServer.open(async (socket) => void socket.end(answer(await readHead(socket))));
}

Deno.test("Dial: tcp and tls are streams, and what is sent arrives", async () => {
  await using plain = await SocketServer.open(echo);
  const onPlain = await dialFirst(targetOf(`tcp://127.0.0.1:${plain.port}`));
  assert.equal(onPlain.path, "stream");
  assert.deepEqual(await echoed(onPlain, BYTES), BYTES);
  await using secure = await SocketServer.open(echo, TLS);
  const onTls = await dialFirst(targetOf(`tls://localhost:${secure.port}`, CA));
  assert.ok(onTls.link instanceof TlsGate, "a paused agent must not fill its memory");
  assert.equal(onTls.link.socket.getProtocol(), "TLSv1.3");
  assert.equal(onTls.peerClose(), null);
  assert.deepEqual(await echoed(onTls, BYTES), BYTES);
});

Deno.test("Dial: ws and wss shake hands on /agent for frames, without an Origin", async () => {
  const heads: string[] = [];
  for (const [scheme, tls] of [["ws", undefined], ["wss", TLS]] as const) {
    await using hub = await SocketServer.open(echoFrames(heads), tls);
    const dialled = await dialFirst(targetOf(`${scheme}://127.0.0.1:${hub.port}`, CA));
    assert.equal(dialled.path, "websocket");
    assert.deepEqual(await echoed(dialled, BYTES), BYTES);
    const head = heads.pop() ?? "";
    assert.match(head, /^GET \/agent HTTP\/1\.1\r\n/);
    assert.equal(fieldOf(head, "Host"), `127.0.0.1:${hub.port}`);
    assert.equal(fieldOf(head, "Sec-WebSocket-Protocol"), "trunkline.frames.v1");
    assert.equal(fieldOf(head, "Sec-WebSocket-Extensions"), null);
    assert.equal(fieldOf(head, "Origin"), null);
  }
});

Deno.test("Dial: another server's WebSocket takes the handshake and the frames", async () => {
  await using other = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "trunkline.frames.v1" });
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  });
  const dialled = await dialFirst(targetOf(`ws://127.0.0.1:${other.addr.port}/any?path=1`));
  assert.deepEqual(await echoed(dialled, BYTES), BYTES);
});

Deno.test("Dial: a tls or tcp hub is reached by WebSocket at the same place when that way is asked for", async () => {
  for (const [scheme, tls] of [["tcp", undefined], ["tls", TLS]] as const) {
    const heads: string[] = [];
    await using hub = await SocketServer.open(echoFrames(heads), tls);
    const target = targetOf(`${scheme}://127.0.0.1:${hub.port}`, CA);
    const dialled = await dial(target, { path: "websocket", signal: new AbortController().signal });
    assert.deepEqual(await echoed(dialled, BYTES), BYTES);
    assert.match(heads[0] ?? "", /^GET \/agent /);
  }
});

Deno.test("Dial: bytes that come together with the handshake's answer are read", async () => {
  await using hub = await SocketServer.open(async (socket) => {
    const head = await readHead(socket);
    socket.write(`${upgradeAnswer(head)}\x82\x03abc`, "latin1");
  });
  const { link } = await dialFirst(targetOf(`ws://127.0.0.1:${hub.port}`));
  const chunk = await new Promise<Uint8Array>((resolve) => link.socket.once("data", resolve));
  assert.equal(new TextDecoder().decode(chunk), "abc");
  link.socket.destroy();
});

Deno.test("Dial: a client certificate is shown to a hub that asks for one", async () => {
  const { promise: name, resolve } = Promise.withResolvers<string | undefined>();
  await using hub = await SocketServer.open((raw) => {
    const secureContext = createSecureContext({ ...TLS, ca: ca.certPem });
    const socket = new TLSSocket(raw, {
      isServer: true,
      secureContext,
      requestCert: true,
      rejectUnauthorized: true,
    });
    socket.on("error", () => {});
    socket.once("secure", () => {
      const { CN } = socket.getPeerCertificate().subject;
      resolve(Array.isArray(CN) ? CN[0] : CN);
    });
  });
  const shown = { cert: client.certPem, key: client.keyPem };
  const { link } = await dialFirst(targetOf(`tls://127.0.0.1:${hub.port}`, { ...CA, client: shown }));
  assert.equal(await name, "trunkline-client");
  link.socket.destroy();
});

Deno.test("Dial: a port where nobody listens, and a name without an address, are told", async () => {
  for (const scheme of ["tcp", "tls", "ws", "wss"]) {
    const refused = await failureOfDial(targetOf(`${scheme}://127.0.0.1:${freePort()}`));
    assert.equal(refused.code, "unreachable");
    assert.match(
      refused.message,
      /^Cannot reach the hub at \w+:.*: 127\.0\.0\.1:\d+ refused the connection; see/,
    );
  }
  const nowhere = await failureOfDial(targetOf("tcp://nowhere.invalid:1"));
  assert.match(nowhere.message, /no address is known for nowhere\.invalid;/);
});

Deno.test("Dial: a peer that takes the connection and says nothing is given up after the one time-out", async () => {
  await using deaf = await SocketServer.open((socket) => void socket.resume());
  for (
    const [scheme, where] of [["tls", "of TLS"], ["wss", "of TLS"], ["ws", "of an answer to the WebSocket"]]
  ) {
    const target = targetOf(`${scheme}://127.0.0.1:${deaf.port}`, { connectTimeoutMs: 30 });
    const { code, message } = await failureOfDial(target);
    assert.equal(code, "unreachable");
    assert.ok(message.includes(`nothing came within 30ms ${where}`), message);
  }
});

Deno.test("Dial: a certificate that is not trusted, for another host, or an old TLS is refused", async () => {
  await using hub = await SocketServer.open(echo, TLS);
  const others = await createDevelopmentCertificates({ hosts: ["hub.example"], days: 1 });
  await using other = await SocketServer.open(echo, {
    cert: others.server.certPem,
    key: others.server.keyPem,
  });
  const old = { ...TLS, maxVersion: "TLSv1.2" as const };
  await using oldHub = await SocketServer.open(echo, old);
  await using plain = await SocketServer.open((socket) => void socket.write("SSH-2.0-OpenSSH_9.2\r\n"));
  for (const scheme of ["tls", "wss"]) {
    const said = async (port: number, ca?: string) =>
      (await failureOfDial(targetOf(`${scheme}://127.0.0.1:${port}`, ca === undefined ? {} : { ca })))
        .message;
    assert.match(
      await said(hub.port),
      /TLS failed \(.*\); name the authority of its certificate in hub\.ca$/,
    );
    assert.match(await said(hub.port, others.ca.certPem), /TLS failed/);
    assert.match(await said(other.port, others.ca.certPem), /its certificate is not for 127\.0\.0\.1 \(/);
    assert.match(await said(oldHub.port, ca.certPem), /^Cannot reach the hub at /);
    assert.match(await said(plain.port, ca.certPem), /does not speak TLS/);
  }
  const target = targetOf(`tls://127.0.0.1:${oldHub.port}`, { ...CA, minVersion: "1.2" });
  assert.deepEqual(await echoed(await dialFirst(target), BYTES), BYTES);
});

Deno.test("Dial: answers to the handshake are told apart; 401 and 403 are refusals", async () => {
  const cases: [status: string, code: string, message: RegExp, retryAfterMs?: number][] = [
    ["401 No", "refused", /^Cannot log in at ws:.*HTTP 401; see that hub\.token is valid$/],
    ["403 No", "refused", /HTTP 403/],
    ["404 No", "unreachable", /nobody takes frames at this path \(HTTP 404\)/],
    ["503 No\r\nRetry-After: 7", "unreachable", /takes nobody now \(HTTP 503\)/, 7000],
    ["429 No\r\nRetry-After: Wed, 21 Oct 2015 07:28:00 GMT", "unreachable", /takes nobody now \(HTTP 429\)/],
    ["200 OK", "unreachable", /what answers is no hub \(HTTP 200\)/],
    ["301 Moved\r\nLocation: /x", "unreachable", /no hub \(HTTP 301\)/],
  ];
  for (const [status, code, message, retryAfterMs] of cases) {
    await using hub = await answering(() => `HTTP/1.1 ${status}\r\n\r\n`);
    const error = await failureOfDial(targetOf(`ws://127.0.0.1:${hub.port}`));
    assert.equal(error.code, code, status);
    assert.match(error.message, message);
    assert.equal(error.details["retryAfterMs"], retryAfterMs);
  }
});

Deno.test("Dial: an agreement to something else than was asked for is none", async () => {
  const wrong: [(answer: string) => string, RegExp][] = [
    [
      (answer) => answer.replace(/^Sec-WebSocket-Accept: ./m, "Sec-WebSocket-Accept: !"),
      /not to this handshake/,
    ],
    [
      (answer) => answer.replace("trunkline.frames.v1", "trunkline.text.v1"),
      /does not speak trunkline\.frames/,
    ],
    [(answer) => answer.replace(/^Sec-WebSocket-Protocol.*\r\n/m, ""), /does not speak trunkline\.frames/],
    [(answer) => answer.replace("Upgrade: websocket", "Upgrade: h2c"), /something else than a WebSocket/],
    [
      (answer) => answer.replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: x\r\n\r\n"),
      /extensions that nobody/,
    ],
  ];
  for (const [change, message] of wrong) {
    await using hub = await answering((head) => change(upgradeAnswer(head)));
    const error = await failureOfDial(targetOf(`ws://127.0.0.1:${hub.port}`));
    assert.equal(error.code, "unreachable");
    assert.match(error.message, message);
  }
});

Deno.test("Dial: what does not answer as HTTP does is told at once, an endless head too", async () => {
  await using banner = await SocketServer.open((socket) => void socket.write("SSH-2.0-OpenSSH_9.2\r\n"));
  assert.match(
    (await failureOfDial(targetOf(`ws://127.0.0.1:${banner.port}`))).message,
    /does not speak HTTP\/1\.1/,
  );
  await using endless = await SocketServer.open((socket) => {
    socket.write("HTTP/1.1 101 Switching\r\n");
    const more = () => {
      while (!socket.destroyed && socket.write(`X-Field: ${"x".repeat(1000)}\r\n`));
    };
    socket.on("drain", more).resume();
    more();
  });
  const { message } = await failureOfDial(targetOf(`ws://127.0.0.1:${endless.port}`));
  assert.match(message, /the head of its answer is longer than 16384 bytes/);
  await using mute = await SocketServer.open((socket) => void socket.end());
  assert.match(
    (await failureOfDial(targetOf(`ws://127.0.0.1:${mute.port}`))).message,
    /closed the connection before/,
  );
});

Deno.test("Dial: an attempt that is called off ends at once with the reason, and leaves no socket", async () => {
  for (const scheme of ["tls", "ws"]) {
    const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
    await using deaf = await SocketServer.open(resolve);
    const abort = new AbortController();
    const attempt = dialFirst(targetOf(`${scheme}://127.0.0.1:${deaf.port}`), abort.signal);
    const socket = await accepted;
    const gone = new Promise<void>((done) =>
      socket.resume().once("close", () => done()).once("end", () => done())
    );
    const reason = new TrunklineError("connection_lost", "stopped");
    abort.abort(reason);
    await assert.rejects(attempt, reason);
    await gone;
  }
  await assert.rejects(dialFirst(targetOf("tcp://127.0.0.1:1"), AbortSignal.abort()), /called off/);
});
