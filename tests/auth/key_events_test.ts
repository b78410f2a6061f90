import assert from "node:assert/strict";
import { logKeyEvents } from "../../src/auth/key_events.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";

Deno.test("logKeyEvents: an outage is a warning that says what becomes of tokens, an unknown key makes no line", () => {
  const logger = new MemoryLogger();
  const events = logKeyEvents(logger);
  events.loaded("auth.jwt.jwks", { keys: 2, ignored: 1 });
  events.loaded("auth.jwt.jwks", { keys: 0, ignored: 3 });
  events.failed("auth.oidc.issuer", { reason: "the answer is 503", hasKeys: false, retryAfterMs: 1000 });
  events.failed("auth.oidc.issuer", { reason: "the answer is 503", hasKeys: true, retryAfterMs: 2000 });
  events.unknownKey("auth.oidc.issuer");
  events.checkFailed("jwt", new Error("out of memory"));
  assert.deepEqual(logger.lines.map(({ level }) => level), [
    "info",
    "warning",
    "warning",
    "warning",
    "error",
  ]);
  assert.match(logger.lines[2]?.message ?? "", /auth\.oidc\.issuer: the answer is 503; tokens .* refused/);
  assert.match(logger.lines[3]?.message ?? "", /stay in use/);
});
