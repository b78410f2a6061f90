import assert from "node:assert/strict";
import { once } from "node:events";
import { Socket } from "node:net";
import { openSocket, type SocketPlace } from "../../src/link/client_socket.ts";
import { ATTEMPT_DELAY_MS, DialRace } from "../../src/link/dial_race.ts";
import { FakeTime } from "../helpers/fake_time.ts";
import { TcpService } from "../helpers/tcp_echo.ts";

/** Attempts that come to what a test says. */
class Attempts {
  readonly hosts: string[] = [];
  readonly sockets = new Map<string, Socket>();

  readonly open = ({ host }: SocketPlace): Socket => {
    this.hosts.push(host);
    const socket = new Socket();
    socket.on("error", () => {});
    this.sockets.set(host, socket);
    return socket;
  };

  of(host: string): Socket {
    return this.sockets.get(host) ?? assert.fail(`${host} was not tried`);
  }

  async fail(host: string, code: string): Promise<void> {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    this.of(host).once("close", () => resolve());
    this.of(host).destroy(Object.assign(new Error(code), { code }));
    await closed;
  }
}

function race(addresses: readonly string[]) {
  const attempts = new Attempts();
  const abort = new AbortController();
  const outcome = new DialRace(addresses, { port: 1, open: attempts.open }).run(abort.signal);
  return { attempts, abort, outcome };
}

Deno.test("Dial race: an address that keeps silent is not waited for, and goes when another one answers", async () => {
  using time = new FakeTime();
  const { attempts, outcome } = race(["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
  assert.deepEqual(attempts.hosts, ["192.0.2.1"]);
  time.tick(ATTEMPT_DELAY_MS - 1);
  assert.deepEqual(attempts.hosts, ["192.0.2.1"]);
  time.tick(1);
  assert.deepEqual(attempts.hosts, ["192.0.2.1", "192.0.2.2"]);
  assert.equal(attempts.of("192.0.2.1").destroyed, false, "it may still answer");
  attempts.of("192.0.2.2").emit("connect");
  assert.equal(await outcome, attempts.of("192.0.2.2"));
  assert.equal(attempts.of("192.0.2.1").destroyed, true);
  assert.equal(attempts.of("192.0.2.2").destroyed, false);
  assert.equal(time.timers, 0);
  assert.equal(attempts.hosts.length, 2);
  attempts.of("192.0.2.2").destroy();
});

Deno.test("Dial race: an address that answers late wins over later ones that do not", async () => {
  using time = new FakeTime();
  const { attempts, outcome } = race(["192.0.2.1", "192.0.2.2"]);
  time.tick(ATTEMPT_DELAY_MS);
  attempts.of("192.0.2.1").emit("connect");
  assert.equal(await outcome, attempts.of("192.0.2.1"));
  assert.equal(attempts.of("192.0.2.2").destroyed, true);
  attempts.of("192.0.2.1").destroy();
});

Deno.test("Dial race: where one fails the next begins at once, and the last failure is told", async () => {
  using time = new FakeTime();
  const { attempts, outcome } = race(["192.0.2.1", "192.0.2.2"]);
  await attempts.fail("192.0.2.1", "ECONNREFUSED");
  assert.deepEqual(attempts.hosts, ["192.0.2.1", "192.0.2.2"]);
  await attempts.fail("192.0.2.2", "EHOSTUNREACH");
  assert.equal(await outcome, "192.0.2.2: EHOSTUNREACH");
  assert.equal(time.timers, 0);
});

Deno.test("Dial race: the families are tried in turn, beginning with that of the first", async () => {
  using time = new FakeTime();
  const { attempts, abort, outcome } = race(["2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"]);
  for (let at = 0; at < 4; at++) time.tick(ATTEMPT_DELAY_MS);
  assert.deepEqual(attempts.hosts, ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"]);
  abort.abort();
  assert.equal(await outcome, "no answer");
});

Deno.test("Dial race: nothing is left of one that is called off, before, during or just after it", async () => {
  using time = new FakeTime();
  const never = new Attempts();
  assert.equal(
    await new DialRace(["192.0.2.1"], { port: 1, open: never.open }).run(AbortSignal.abort()),
    "no answer",
  );
  assert.deepEqual(never.hosts, []);
  const during = race(["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
  time.tick(ATTEMPT_DELAY_MS);
  during.abort.abort();
  assert.equal(typeof await during.outcome, "string");
  const after = race(["192.0.2.1"]);
  after.attempts.of("192.0.2.1").emit("connect");
  after.abort.abort();
  assert.equal(typeof await after.outcome, "string");
  const sockets = [...during.attempts.sockets.values(), ...after.attempts.sockets.values()];
  assert.deepEqual(sockets.map(({ destroyed }) => destroyed), [true, true, true]);
  assert.equal(time.timers, 0);
});

Deno.test("Dial race: with real sockets the address behind one that never answers is reached", async () => {
  await using echo = await TcpService.echo();
  const silent = new Socket();
  const open = (place: SocketPlace) => place.host === "192.0.2.1" ? silent : openSocket(place);
  const outcome = await new DialRace(["192.0.2.1", "127.0.0.1"], { port: echo.port, open }).run(
    new AbortController().signal,
  );
  assert.ok(outcome instanceof Socket, String(outcome));
  assert.equal(outcome.remoteAddress, "127.0.0.1");
  assert.equal(silent.destroyed, true);
  outcome.destroy();
  await once(outcome, "close");
});
