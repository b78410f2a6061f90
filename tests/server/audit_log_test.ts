import { deepEqual, equal, rejects } from "node:assert/strict";
import { AuditLog } from "../../src/server/audit_log.ts";
import { FakeTime } from "../helpers/fake_time.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { TestHub } from "../helpers/test_hub.ts";
import type { SecurityEvent } from "../../src/core/security_event.ts";

const EVENT: SecurityEvent = {
  kind: "denied",
  right: "publish",
  target: "a.b",
  address: "192.0.2.1",
  connectionId: "c1",
  who: null,
};

function kindsIn(path: string): unknown[] {
  const lines = Deno.readTextFileSync(path).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line)).map(({ kind, repeated }) =>
    repeated ? [kind, repeated] : kind
  );
}

Deno.test("Audit log: what happened stands in a file that only its owner reads, sums once a minute", async () => {
  const path = await Deno.makeTempFile();
  await Deno.remove(path);
  using time = new FakeTime();
  const log = new AuditLog(path, new MemoryLogger());
  log.start();
  for (let n = 0; n < 12; n++) log.events.record(EVENT);
  time.tick(60_000);
  log.events.record(EVENT);
  await log.stop();
  const events = [...new Array(10).fill("denied"), ["denied", 2], "denied"];
  deepEqual(kindsIn(path), ["started", ...events, "stopped"]);
  equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
  equal(time.timers, 0);
  const denied = [...log.samples()].find((sample) =>
    "labels" in sample && Object.values(sample.labels).includes("denied")
  );
  equal(denied?.value, 13);
  await Deno.remove(path);
});

Deno.test("Audit log: opened anew it goes on in a file of the old name", async () => {
  const path = await Deno.makeTempFile();
  const log = new AuditLog(path, new MemoryLogger());
  log.start();
  await Deno.rename(path, `${path}.1`);
  log.reopen();
  log.events.record(EVENT);
  await log.stop();
  deepEqual(kindsIn(`${path}.1`), ["started"]);
  deepEqual(kindsIn(path), ["denied", "stopped"]);
  await Deno.remove(path);
  await Deno.remove(`${path}.1`);
});

Deno.test("Audit log: a hub writes where logging.audit says, and names it when it cannot", async () => {
  const path = await Deno.makeTempFile();
  const hub = await TestHub.start([`logging.audit=${path}`]);
  equal(await hub.metric('trunkline_security_events_total{kind="denied"}'), 0);
  await hub.server.stop();
  deepEqual(kindsIn(path), ["started", "stopped"]);
  await Deno.remove(path);
  await rejects(TestHub.start([`logging.audit=${path}/below`]), (error: Error) => {
    return "code" in error && error.code === "start_failed" && error.message.includes("set logging.audit");
  });
});
