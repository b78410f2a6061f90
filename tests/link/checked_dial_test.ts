import assert from "node:assert/strict";
import { once } from "node:events";
import { StreamCode } from "../../src/core/stream_codes.ts";
import { type CheckedDial, dialChecked, type DialRefusal } from "../../src/link/checked_dial.ts";
import { freePort, TcpService } from "../helpers/tcp_echo.ts";

interface Case extends Partial<CheckedDial> {
  readonly host: string;
  readonly port: number;
}

/** The address that was reached, or why none. */
async function reach({ host, port, ...options }: Case): Promise<string | DialRefusal> {
  const signal = new AbortController().signal;
  const outcome = await dialChecked({ host, port }, {
    allows: () => true,
    timeoutMs: 10_000,
    signal,
    ...options,
  });
  if ("code" in outcome) return outcome;
  const { remoteAddress = "" } = outcome;
  outcome.destroy();
  await once(outcome, "close");
  return remoteAddress;
}

/** A resolver that is asked once, and would answer otherwise later. */
function answers(...all: string[][]) {
  let asked = 0;
  const resolve = () => Promise.resolve(all[asked++] ?? []);
  return { resolve, asked: () => asked };
}

Deno.test("Checked dial: an address, a name by the system, and a name that is looked up once", async () => {
  await using echo = await TcpService.echo();
  const { port } = echo;
  assert.equal(await reach({ host: "127.0.0.1", port }), "127.0.0.1");
  assert.match(String(await reach({ host: "localhost", port })), /^(127\.0\.0\.1|::1)$/);
  const names = answers(["127.0.0.1"], ["192.0.2.1"]);
  assert.equal(await reach({ host: "db.lan", port, resolve: names.resolve }), "127.0.0.1");
  assert.equal(names.asked(), 1);
});

Deno.test("Checked dial: of several addresses only those are dialled that are allowed, in turn", async () => {
  await using echo = await TcpService.echo();
  const { port } = echo;
  const allows = (host: string) => host === "127.0.0.1" || host === "127.0.0.2";
  // Nobody listens at 127.0.0.2; 127.0.0.3, which would come first, is not allowed.
  const resolve = () => Promise.resolve(["127.0.0.3", "127.0.0.2", "127.0.0.1"]);
  assert.equal(await reach({ host: "db.lan", port, allows, resolve }), "127.0.0.1");
  const denied = await reach({
    host: "db.lan",
    port,
    allows,
    resolve: () => Promise.resolve(["127.0.0.3", "192.0.2.1"]),
  });
  assert.ok(typeof denied === "object");
  assert.equal(denied.code, StreamCode.notAllowed);
  assert.equal(denied.reason, "The destination is not allowed");
  assert.match(denied.detail, /127\.0\.0\.3, 192\.0\.2\.1/);
});

Deno.test("Checked dial: what is not allowed is not even looked up where that would show", async () => {
  const names = answers(["127.0.0.1"]);
  const denied = { code: StreamCode.notAllowed, reason: "The destination is not allowed" };
  const told = async (options: Case) => {
    const outcome = await reach(options);
    assert.ok(typeof outcome === "object");
    return { code: outcome.code, reason: outcome.reason };
  };
  assert.deepEqual(await told({ host: "10.0.0.1", port: 1, allows: () => false }), denied);
  assert.deepEqual(await told({ host: "127.1", port: 1, ...names }), denied);
  assert.equal(names.asked(), 0);
  const missing = () => Promise.reject(Object.assign(new Error("no"), { code: "ENOTFOUND" }));
  assert.deepEqual(await told({ host: "a.lan", port: 1, allows: () => false, resolve: missing }), denied);
});

Deno.test("Checked dial: refused, not found and too late are told apart", async () => {
  const codeOf = async (options: Case) => {
    const outcome = await reach(options);
    assert.ok(typeof outcome === "object");
    return [outcome.code, outcome.reason, outcome.detail];
  };
  const port = await freePort();
  assert.deepEqual(await codeOf({ host: "127.0.0.1", port }), [
    StreamCode.localRefused,
    "The destination cannot be reached",
    "127.0.0.1: ECONNREFUSED",
  ]);
  const missing = () => Promise.reject(Object.assign(new Error("no"), { code: "ENOTFOUND" }));
  assert.deepEqual(await codeOf({ host: "a.lan", port, resolve: missing }), [
    StreamCode.localRefused,
    "The destination cannot be found",
    "ENOTFOUND",
  ]);
  const silent = () => new Promise<string[]>(() => {});
  assert.deepEqual((await codeOf({ host: "a.lan", port, resolve: silent, timeoutMs: 20 })).slice(0, 2), [
    StreamCode.localTimeout,
    "The destination does not answer",
  ]);
});

Deno.test("Checked dial: whoever does not want it any more does not wait", async () => {
  const abort = new AbortController();
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
  const outcome = reach({
    host: "a.lan",
    port: 1,
    signal: abort.signal,
    resolve: () => {
      onAsked();
      return new Promise<string[]>(() => {});
    },
  });
  await asked;
  abort.abort();
  assert.ok(typeof await outcome === "object");
});
