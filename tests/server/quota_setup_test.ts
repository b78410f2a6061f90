import assert from "node:assert/strict";
import { type Config, defaultConfig } from "../../src/config/mod.ts";
import { HubQuotas } from "../../src/server/quota_setup.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { FakeTime } from "../helpers/fake_time.ts";

/** Quotas of a hub that is at work all the time and late, under a clock that is set by hand. */
function setUp(time: FakeTime) {
  const { limits } = defaultConfig();
  const adjust = (enabled: boolean): Config["limits"] => ({
    ...limits,
    adjust: { ...limits.adjust, enabled, interval: 1000 },
  });
  const logger = new MemoryLogger();
  const quotas = new HubQuotas({ limits: adjust(false) }, {
    clock: time,
    logger,
    cpuSeconds: () => time.now() / 1000,
  });
  const lateFor = (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      quotas.observe(0.5);
      time.tick(1000);
    }
  };
  return { logger, quotas, lateFor, change: (enabled: boolean) => quotas.change(adjust(enabled)) };
}

Deno.test("Hub quotas: rates follow the load when that is switched on, and no more when it is switched off", () => {
  using time = new FakeTime();
  const { logger, quotas, lateFor, change } = setUp(time);
  quotas.start();
  lateFor(3);
  assert.equal(quotas.manager.share, 1);
  for (let round = 0; round < 2; round++) {
    change(true);
    lateFor(3);
    assert.ok(quotas.manager.share < 1);
    change(false);
    assert.equal(quotas.manager.share, 1);
    assert.match(logger.lines.at(-1)?.message ?? "", /as configured$/);
    lateFor(3);
    assert.equal(quotas.manager.share, 1);
  }
  change(true);
  assert.equal(time.timers, 1);
  quotas.stop();
  assert.equal(time.timers, 0);
});

Deno.test("Hub quotas: a change while the hub is stopped starts nothing", () => {
  using time = new FakeTime();
  const { quotas, change } = setUp(time);
  change(true);
  assert.equal(time.timers, 0);
  quotas.start();
  quotas.stop();
  change(false);
  change(true);
  assert.equal(time.timers, 0);
});
