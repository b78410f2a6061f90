import assert from "node:assert/strict";
import { MAX_LINES, TunnelLines } from "../../src/tunnel/tunnel_lines.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";

Deno.test("Tunnel lines: of who asks without end only so many are told, and how many were not", () => {
  const clock = { ms: 0, now: () => clock.ms };
  const logger = new MemoryLogger();
  const lines = new TunnelLines(logger, clock);
  const [flooder, other] = [{}, {}];
  const tell = (link: object, message: string) => lines.tell("info", link, { message, fields: { a: 1 } });
  for (let at = 0; at < 1000; at++) tell(flooder, "flood");
  tell(other, "other");
  const toldOf = (message: string) => logger.lines.filter((line) => line.message === message);
  assert.equal(toldOf("flood").length, MAX_LINES);
  assert.equal(toldOf("other").length, 1);
  clock.ms = 1000;
  tell(flooder, "flood");
  assert.deepEqual(toldOf("flood").at(-1)?.fields, { a: 1, untold: 1000 - MAX_LINES });
  clock.ms = 2000;
  tell(flooder, "flood");
  assert.deepEqual(toldOf("flood").at(-1)?.fields, { a: 1 });
});
