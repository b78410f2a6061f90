import assert from "node:assert/strict";
import type { LogLine } from "../../src/core/ports.ts";
import { createLogging } from "../../src/server/logging.ts";

const JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLWFsaWNl";

/** A log whose written lines are a list. */
function recordLog(format: "json" | "pretty") {
  const lines: string[] = [];
  const output = { write: (line: string) => lines.push(line) > 0, close: () => {} };
  const logging = createLogging({
    level: "info",
    format,
    output,
    isTerminal: false,
    now: () => 1_700_000_000_000,
  });
  return { ...logging, lines };
}

Deno.test("Log listeners: listeners get the lines that are written, masked as they are", () => {
  const { logger, listen, setLevel, lines } = recordLog("pretty");
  const heard: LogLine[] = [];
  const stop = listen((line) => heard.push(line));
  logger.debug("Too quiet");
  logger.child("broker").child("log").info(`Token ${JWT}`, {
    password: "hunter2",
    url: "ws://a:pw@b/",
    tenant: "a",
  });
  setLevel("debug");
  logger.debug("Now heard");
  stop();
  logger.error("After the end");
  assert.equal(lines.length, 3);
  assert.deepEqual(heard, [
    {
      timeMs: 1_700_000_000_000,
      level: "info",
      logger: "broker.log",
      message: "Token ***",
      fields: { password: "***", url: "ws://a:***@b/", tenant: "a" },
    },
    { timeMs: 1_700_000_000_000, level: "debug", logger: "", message: "Now heard", fields: {} },
  ]);
});

Deno.test("Log listeners: a listener that fails is told nothing more, and neither log nor others suffer", () => {
  const { logger, listen, lines } = recordLog("json");
  let calls = 0;
  listen(() => {
    calls++;
    throw new Error("no room");
  });
  const heard: string[] = [];
  listen(({ message }) => heard.push(message));
  for (const message of ["one", "two"]) logger.info(message);
  assert.equal(calls, 1);
  const failed = "A listener of the log failed and is told nothing more";
  assert.deepEqual(lines.map((line) => JSON.parse(line).message), ["one", failed, "two"]);
  assert.deepEqual(heard.toSorted(), [failed, "one", "two"].toSorted());
});
