import assert from "node:assert/strict";
import { once } from "node:events";
import { HostRules } from "../../src/core/host_rules.ts";
import { StreamCode } from "../../src/core/stream_codes.ts";
import {
  type CheckedDial,
  dialChecked,
  type DialRefusal,
  MAX_ADDRESSES,
} from "../../src/link/checked_dial.ts";
import { type Resolve, Resolver } from "../../src/link/resolver.ts";
import { freePort } from "../helpers/free_port.ts";
import { TcpService } from "../helpers/tcp_echo.ts";

interface Case extends Partial<CheckedDial> {
  readonly host: string;
  readonly port: number;
  /** @default asks the system */
  readonly resolve?: Resolve;
  /** @default everything */
  readonly allow?: readonly string[];
}

/** The address that was reached, or why none. */
async function reach(
  { host, port, allow = ["*:*"], resolve, ...options }: Case,
): Promise<string | DialRefusal> {
  const outcome = await dialChecked({ host, port }, {
    rules: HostRules.parse(allow),
    lookUp: new Resolver({}, resolve).of("somebody"),
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    ...options,
  });
  if ("code" in outcome) return outcome;
  const { remoteAddress = "" } = outcome;
  outcome.destroy();
  await once(outcome, "close");
  return remoteAddress;
}

async function refusal(options: Case): Promise<DialRefusal> {
  const outcome = await reach(options);
  assert.ok(typeof outcome === "object", `${outcome} was reached`);
  return outcome;
}

async function denied(options: Case): Promise<void> {
  const { code, reason } = await refusal(options);
  assert.deepEqual([code, reason], [StreamCode.notAllowed, "The destination is not allowed"]);
}

/** A resolver that is asked once, and would answer otherwise later. */
function answers(...all: string[][]) {
  let asked = 0;
  const resolve = () => Promise.resolve(all[asked++] ?? []);
  return { resolve, asked: () => asked };
}

const missing = () => Promise.reject(Object.assign(new Error("no"), { code: "ENOTFOUND" }));

Deno.test("Checked dial: an address in any of its spellings, and a name by the system", async () => {
  await using echo = await TcpService.echo();
  const { port } = echo;
  const allow = [`127.0.0.0/8:${port}`];
  assert.equal(await reach({ host: "127.0.0.1", port, allow }), "127.0.0.1");
  assert.equal(await reach({ host: "::ffff:127.0.0.1", port, allow }), "127.0.0.1");
  assert.equal(await reach({ host: "localhost", port, allow }), "127.0.0.1");
  for (const host of ["127.1", "0x7f.1", "0177.0.0.1", "2130706433", "10.0.0.1", "::1"]) {
    await denied({ host, port, allow });
  }
  await denied({ host: "127.0.0.1", port: port + 1, allow });
});

Deno.test("Checked dial: a name is looked up once, and what it leads to later does not count", async () => {
  await using echo = await TcpService.echo();
  const names = answers(["127.0.0.2"], ["127.0.0.1"]);
  // Nobody listens at 127.0.0.2: had the name been looked up again, the service at 127.0.0.1 would answer.
  const { code } = await refusal({ host: "evil.example", port: echo.port, resolve: names.resolve });
  assert.equal(code, StreamCode.localRefused);
  assert.equal(names.asked(), 1);
});

Deno.test("Checked dial: of several addresses only those are dialled that are allowed, in turn", async () => {
  await using echo = await TcpService.echo();
  const { port } = echo;
  const allow = [`127.0.0.1:${port}`, `127.0.0.2:${port}`];
  // Nobody listens at 127.0.0.2; 127.0.0.3, which would come first, is not allowed.
  const resolve = () => Promise.resolve(["127.0.0.3", "127.0.0.2", "127.0.0.1"]);
  assert.equal(await reach({ host: "db.lan", port, allow, resolve }), "127.0.0.1");
  const elsewhere = () => Promise.resolve(["127.0.0.3", "192.0.2.1"]);
  const { code, detail } = await refusal({ host: "db.lan", port, allow, resolve: elsewhere });
  assert.equal(code, StreamCode.notAllowed);
  assert.match(detail, /127\.0\.0\.3, 192\.0\.2\.1/);
});

Deno.test("Checked dial: of a name with very many addresses only so many are dialled", async () => {
  await using echo = await TcpService.echo();
  const { port } = echo;
  const nobody = Array.from({ length: MAX_ADDRESSES }, (_, at) => `127.0.1.${at}`);
  const { code } = await refusal({ host: "db.lan", port, ...answers([...nobody, "127.0.0.1"]) });
  assert.equal(code, StreamCode.localRefused);
  assert.equal(
    await reach({ host: "db.lan", port, ...answers([...nobody.slice(1), "127.0.0.1"]) }),
    "127.0.0.1",
  );
});

Deno.test("Checked dial: a name that is allowed does not lead to this machine, but localhost does", async () => {
  await using echo = await TcpService.echo();
  const { port } = echo;
  const allow = [`evil.example:${port}`, `localhost:${port}`];
  const mapped = ["::ffff:127.0.0.1", "64:ff9b::7f00:1", "::127.0.0.1", "2002:7f00:1::"];
  for (const address of ["127.0.0.1", "::1", "0.0.0.0", "169.254.169.254", ...mapped]) {
    await denied({ host: "evil.example", port, allow, ...answers([address]) });
  }
  const outcome = await reach({ host: "localhost", port, allow, ...answers(["::1", "127.0.0.1"]) });
  assert.equal(outcome, "127.0.0.1");
});

Deno.test("Checked dial: nothing is looked up unless a rule could allow it", async () => {
  const names = answers(["127.0.0.1"]);
  const cases: Case[] = [
    { host: "secret.data.example", port: 80, allow: [] },
    { host: "secret.data.example", port: 80, allow: ["10.0.0.0/8:22", "*.lan:80", "*.lan:*"] },
    { host: "10.0.0.1", port: 1, allow: [] },
    { host: "127.1", port: 1 },
  ];
  for (const wanted of cases) await denied({ ...wanted, ...names });
  assert.equal(names.asked(), 0);
});

Deno.test("Checked dial: whoever may not go to a name is not told whether it exists", async () => {
  const allow = ["10.0.0.0/8:22"];
  await denied({ host: "db.lan", port: 22, allow, ...answers(["192.0.2.1"]) });
  await denied({ host: "db.lan", port: 22, allow, ...answers([]) });
  await denied({ host: "no.lan", port: 22, allow, resolve: missing });
});

Deno.test("Checked dial: refused, not found and too late are told apart", async () => {
  const port = freePort();
  const { code, reason, detail } = await refusal({ host: "127.0.0.1", port });
  assert.equal(code, StreamCode.localRefused);
  assert.equal(reason, "The destination cannot be reached");
  assert.equal(detail, "127.0.0.1: ECONNREFUSED");
  const unknown = await refusal({ host: "a.lan", port, resolve: missing });
  assert.deepEqual(unknown, {
    code: StreamCode.localRefused,
    reason: "The destination cannot be found",
    detail: "ENOTFOUND",
  });
  const silent = () => new Promise<string[]>(() => {});
  const late = await refusal({ host: "a.lan", port, resolve: silent, timeoutMs: 20 });
  assert.deepEqual([late.code, late.reason], [StreamCode.localTimeout, "The destination does not answer"]);
});

Deno.test("Checked dial: whoever does not want it any more does not wait", async () => {
  const abort = new AbortController();
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
  const outcome = refusal({
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
  assert.equal((await outcome).code, StreamCode.localTimeout);
});

Deno.test("Checked dial: whoever looks up too much is told so, whether or not the name is his business", async () => {
  const lookUp = () => Promise.resolve("too_many" as const);
  for (const allow of [["a.lan:1"], ["10.0.0.0/8:1"]]) {
    assert.equal((await refusal({ host: "a.lan", port: 1, allow, lookUp })).code, StreamCode.overLimit);
  }
  await denied({ host: "a.lan", port: 1, allow: [], lookUp });
});
