/** Checks what stands in a log line, what never does, and that no line is lost. */

import assert from "node:assert/strict";
import { TrunklineError } from "../../src/core/errors.ts";
import type { LogFields, Logger } from "../../src/core/ports.ts";
import type { LogOutput } from "../../src/server/log_output.ts";
import { createLogging, type Logging, type LoggingOptions } from "../../src/server/logging.ts";

const jwt = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLWFsaWNl";

interface Recorded extends Logging {
  readonly lines: string[];
}

function recordLog(options: Partial<LoggingOptions> = {}): Recorded {
  const lines: string[] = [];
  const output: LogOutput = {
    write(line) {
      lines.push(line);
      return true;
    },
    close() {},
  };
  const logging = createLogging({
    level: "info",
    format: "json",
    now: () => 1_700_000_000_000,
    ...options,
    output,
  });
  return { ...logging, lines };
}

function jsonLine(fields: LogFields, options: Partial<LoggingOptions> = {}): Record<string, unknown> {
  const { logger, lines } = recordLog(options);
  logger.error("Something happened", fields);
  assert.equal(lines.length, 1);
  return JSON.parse(lines[0] ?? "");
}

function prettyLine(message: string, fields: LogFields, options: Partial<LoggingOptions> = {}): string {
  const { logger, lines } = recordLog({ format: "pretty", ...options });
  logger.error(message, fields);
  return lines.join("");
}

Deno.test("createLogging: a JSON line has time, level, logger, message and the fields beside them", () => {
  const { logger, lines } = recordLog();
  logger.child("hub").child("listener").info("Listening", {
    address: "127.0.0.1:8443",
    tls: false,
    port: 8443,
  });
  assert.deepEqual(lines, [
    '{"time":"2023-11-14T22:13:20.000Z","level":"info","logger":"hub.listener","message":"Listening",' +
    '"address":"127.0.0.1:8443","tls":false,"port":8443}\n',
  ]);
});

Deno.test("createLogging: a field cannot take the place of the line's own members", () => {
  const line = jsonLine({ time: 1, level: "debug", logger: "x", message: "forged", level_: "y" });
  assert.equal(line.level, "error");
  assert.equal(line.message, "Something happened");
  assert.deepEqual([line.time_, line.level_, line.logger_, line.message_, line.level__], [
    1,
    "debug",
    "x",
    "forged",
    "y",
  ]);
});

Deno.test("createLogging: lines below the level are not written and a new level counts for every child", () => {
  const { logger, lines, setLevel } = recordLog({ level: "warning" });
  const child = logger.child("hub");
  child.debug("no");
  child.info("no");
  assert.equal(child.isEnabled("info"), false);
  child.warning("yes");
  child.error("yes");
  setLevel("debug");
  assert.equal(child.isEnabled("debug"), true);
  child.debug("yes");
  setLevel("error");
  child.warning("no");
  assert.deepEqual(lines.map((line) => JSON.parse(line).level), ["warning", "error", "debug"]);
});

Deno.test("createLogging: two logs share neither level nor output", () => {
  const one = recordLog({ level: "debug" });
  const other = recordLog({ level: "error" });
  one.logger.debug("for one");
  other.logger.debug("for nobody");
  other.setLevel("debug");
  other.logger.debug("for other");
  assert.equal(one.lines.length, 1);
  assert.deepEqual(other.lines.map((line) => JSON.parse(line).message), ["for other"]);
});

Deno.test("createLogging: auto is pretty on a terminal and JSON otherwise", () => {
  const isJson = (isTerminal: boolean) => {
    const { logger, lines } = recordLog({ format: "auto", isTerminal });
    logger.info("Ready");
    return lines[0]?.startsWith("{");
  };
  assert.equal(isJson(false), true);
  assert.equal(isJson(true), false);
});

Deno.test("createLogging: pretty colours on a terminal without NO_COLOR only", () => {
  const hasColors = (isTerminal: boolean, noColor: boolean) =>
    prettyLine("Ready", { port: 1 }, { isTerminal, noColor }).includes("\x1b[");
  assert.equal(hasColors(true, false), true);
  assert.equal(hasColors(true, true), false);
  assert.equal(hasColors(false, false), false);
});

Deno.test("createLogging: pretty shows level, logger, message and fields in one line", () => {
  const line = prettyLine("Cannot reach it", {
    peer: "10.0.0.1:5",
    why: "two words",
    limit: { bytes: 5 },
    list: [1],
  });
  assert.match(
    line,
    /^\d{4}-\d\d-\d\d .* error +trunkline +Cannot reach it peer=10.0.0.1:5 why="two words" limit.bytes=5 list=\[1\]\n$/,
  );
});

Deno.test("createLogging: values are masked by the name of their field, at any depth", () => {
  const line = jsonLine({
    token: "t1",
    access_token: "t2",
    clientSecret: "t3",
    password: "t4",
    key: "t5",
    apiKey: "t6",
    headers: { Authorization: "Basic t7", cookie: "t8", host: "hub.example" },
    list: [{ secret: "t9", sessionCookie: ["t10"] }],
    map: new Map([["password", "t11"]]),
    error: Object.assign(new Error("x"), { code: "E", token: "t12" }),
  });
  assert.doesNotMatch(JSON.stringify(line), /t\d/);
  assert.deepEqual(line.headers, { Authorization: "***", cookie: "***", host: "hub.example" });
});

Deno.test("createLogging: that there is no secret stays visible, and names that only sound alike stay readable", () => {
  const line = jsonLine({ token: null, password: false, keyId: "k1", monkey: "m", keys: 3, retry: 1 });
  assert.deepEqual(
    [line.token, line.password, line.keyId, line.monkey, line.keys, line.retry],
    [null, false, "k1", "m", 3, 1],
  );
});

Deno.test("createLogging: secrets are masked by their look in messages and values, in both formats", () => {
  const texts = [
    `token was ${jwt} today`,
    `cut off ${jwt.slice(0, 60)}`,
    "Authorization: Bearer opaque-Value_1.2/3==",
    "protocol bearer.opaque-Value_1, trunkline.text.v1",
    "GET /ws?room=a&access_token=opaque-Value_1&x=1 HTTP/1.1",
    "postgres://user:opaque-Value_1@db:5432/x",
    "client_secret=opaque-Value_1",
    "-----BEGIN PRIVATE KEY-----\nopaque-Value_1\n-----END PRIVATE KEY-----",
    "-----BEGIN EC PRIVATE KEY-----\nopaque-Value_1",
  ];
  for (const text of texts) {
    for (const format of ["json", "pretty"] as const) {
      const { logger, lines } = recordLog({ format });
      logger.error(text);
      logger.error("value", { text, nested: [{ text }], error: new Error(text) });
      for (const line of lines) {
        assert.doesNotMatch(line, /opaque|eyJ|c2lnbmF0/, line);
        assert.ok(line.includes("***"), line);
      }
    }
  }
});

Deno.test("createLogging: masking leaves the rest of a text readable", () => {
  const line = jsonLine({
    url: "wss://u:p@hub/ws?room=a&access_token=abc&x=1",
    text: `a ${jwt} b`,
    plain: "a=b:c@d",
  });
  assert.equal(line.url, "wss://u:***@hub/ws?room=a&access_token=***&x=1");
  assert.equal(line.text, "a *** b");
  assert.equal(line.plain, "a=b:c@d");
});

Deno.test("createLogging: a long hostile value costs little time and is cut off", () => {
  const hostile = [
    "a-".repeat(50_000),
    "a://".repeat(25_000),
    "eyJ".repeat(30_000),
    "-----BEGIN ".repeat(9_000),
  ];
  const started = performance.now();
  for (const text of hostile) {
    const { logger, lines } = recordLog();
    logger.info(text, { text });
    assert.ok((lines[0] ?? "").length < 20_000);
  }
  assert.ok(performance.now() - started < 500);
});

Deno.test("createLogging: errors show name, message, code and cause, and the stack at debug only", () => {
  const error = new TrunklineError("address_in_use", "Cannot listen", { cause: new RangeError("inner") });
  assert.deepEqual(jsonLine({ error }).error, {
    name: "TrunklineError",
    message: "Cannot listen",
    code: "address_in_use",
    cause: { name: "RangeError", message: "inner" },
  });
  const atDebug = jsonLine({ error }, { level: "debug" }).error as Record<string, unknown>;
  assert.match(String(atDebug.stack), /logging_test\.ts/);
});

Deno.test("createLogging: pretty writes stacks on indented lines", () => {
  const text = prettyLine("Failed", { error: new Error("first\nsecond") }, { level: "debug" });
  const [first, ...rest] = text.trimEnd().split("\n");
  assert.match(first ?? "", /Failed error\.name=Error error\.message="first\\nsecond"$/);
  assert.ok(rest.length >= 2);
  for (const line of rest) assert.match(line, /^ {4}\S/);
});

Deno.test("createLogging: control characters forge neither lines nor colours nor reading direction", () => {
  const evil = "x\r\n2024-01-01 error hub forged\x1b[2J\x9b31m\u2028\u202e\x00";
  for (const format of ["json", "pretty"] as const) {
    const { logger, lines } = recordLog({ format });
    logger.child(evil).error(evil, { [evil]: evil, list: [evil], nested: { [evil]: evil } });
    const text = lines.join("");
    assert.equal(text.indexOf("\n"), text.length - 1, text);
    assert.doesNotMatch(text.slice(0, -1), /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
    if (format === "json") assert.equal(JSON.parse(text).message, evil);
  }
});

Deno.test("createLogging: odd values are written and never throw", () => {
  const circular: Record<string, unknown> = { name: "loop" };
  circular.self = circular;
  const line = jsonLine({
    circular,
    big: 10n,
    nan: NaN,
    date: new Date(0),
    badDate: new Date(NaN),
    url: new URL("http://hub.example/x"),
    bytes: new Uint8Array(3),
    set: new Set([1]),
    missing: undefined,
    symbol: Symbol("s"),
    call: function named() {},
    ["__proto__"]: "p",
  });
  assert.deepEqual(line.circular, { name: "loop", self: "[circular]" });
  assert.deepEqual([line.big, line.nan, line.date, line.badDate], [
    "10",
    "NaN",
    "1970-01-01T00:00:00.000Z",
    "Invalid Date",
  ]);
  assert.deepEqual([line.url, line.bytes, line.set], ["http://hub.example/x", "[3 bytes]", [1]]);
  assert.deepEqual([line.symbol, line.call, "missing" in line], ["Symbol(s)", "[function named]", false]);
  assert.equal(Object.hasOwn(line, "__proto__"), true);
});

Deno.test("createLogging: a field that throws when it is read does not stop the line", () => {
  const line = jsonLine({
    get trap(): string {
      throw new Error("gotcha");
    },
  });
  assert.equal(line.unreadable, "gotcha");
});

Deno.test("createLogging: deep and wide values are cut off", () => {
  let deep: unknown = "bottom";
  for (let i = 0; i < 50; i++) deep = { deep };
  const line = jsonLine({ deep, wide: Array.from({ length: 5000 }, (_, i) => i), text: "x".repeat(100_000) });
  const written = JSON.stringify(line);
  assert.ok(written.length < 10_000);
  assert.ok(written.includes("[truncated]"));
  assert.ok(!written.includes("bottom"));
});

Deno.test("createLogging: lines that could not be written are counted and told of later", () => {
  const lines: string[] = [];
  let full = true;
  const output: LogOutput = {
    write(line) {
      if (!full) lines.push(line);
      return !full;
    },
    close() {},
  };
  const { logger } = createLogging({ level: "info", format: "json", output });
  logger.info("lost");
  logger.info("lost");
  full = false;
  logger.info("written");
  const [first, second] = lines.map((line) => JSON.parse(line));
  assert.equal(first.message, "written");
  assert.equal(second.level, "warning");
  assert.equal(second.lines, 2);
  assert.equal(lines.length, 2);
});

async function withTempFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function fillAndClose(path: string, write: (logger: Logger) => void): Promise<string[]> {
  const logging = createLogging({ level: "info", format: "auto", output: path });
  write(logging.logger);
  await logging.close();
  logging.logger.info("After the end");
  await logging.close();
  return (await Deno.readTextFile(path)).trimEnd().split("\n");
}

Deno.test("createLogging: a file is appended to, and holds every line at close", async () => {
  await withTempFolder(async (folder) => {
    const path = `${folder}/hub.log`;
    await Deno.writeTextFile(path, "before\n");
    const lines = await fillAndClose(path, (logger) => {
      for (let n = 0; n < 2000; n++) logger.info("Line", { n });
    });
    assert.equal(lines.length, 2001);
    assert.equal(lines[0], "before");
    assert.deepEqual(
      lines.slice(1).map((line) => JSON.parse(line).n),
      Array.from({ length: 2000 }, (_, n) => n),
    );
  });
});

Deno.test("createLogging: a file that cannot be opened is an error that names logging.output", async () => {
  await withTempFolder((folder) => {
    assert.throws(
      () => createLogging({ level: "info", format: "json", output: `${folder}/none/hub.log` }),
      (error) =>
        error instanceof TrunklineError && error.code === "start_failed" &&
        error.message.includes("logging.output"),
    );
    return Promise.resolve();
  });
});

Deno.test({
  name: "createLogging: a missing permission is an error that names the flag",
  permissions: { write: false, read: true, env: true },
  fn() {
    assert.throws(
      () => createLogging({ level: "info", format: "json", output: "/var/log/hub.log" }),
      (error) =>
        error instanceof TrunklineError && error.code === "permission_missing" &&
        error.message.includes("--allow-write=/var/log/hub.log") && error.message.includes("logging.output"),
    );
  },
});

Deno.test("createLogging: stdout and stderr have every line although the process exits at once", async () => {
  const module = new URL("../../src/server/logging.ts", import.meta.url).href;
  const program = `import { createLogging } from ${JSON.stringify(module)};
    for (const output of ["stdout", "stderr"]) {
      const { logger } = createLogging({ level: "info", format: "auto", output });
      for (let n = 0; n < 3000; n++) logger.info("Line", { n, output });
    }
    Deno.exit(0);`;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  await withTempFolder(async (folder) => {
    const file = `${folder}/program.ts`;
    await Deno.writeTextFile(file, program);
    const args = ["run", "--quiet", "--no-prompt", `--config=${config}`, "--allow-env", "--allow-read", file];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    for (const bytes of [stdout, stderr]) {
      const lines = new TextDecoder().decode(bytes).trimEnd().split("\n");
      assert.deepEqual(lines.map((line) => JSON.parse(line).n), Array.from({ length: 3000 }, (_, n) => n));
    }
  });
});
