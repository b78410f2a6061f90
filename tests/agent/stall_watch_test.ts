import assert from "node:assert/strict";
import { CHECK_MS, GIVE_UP_MS, StallWatch, type WatchedLink } from "../../src/agent/stall_watch.ts";

/** A connection that counts its questions. */
class FakeLink implements WatchedLink {
  lastHeardMs = 0;
  asked = 0;

  ask(): void {
    this.asked++;
  }
}

/** Looks every second until a time, and lets some answer whatever they are asked; gives what stalled. */
function watchUntil(
  watch: StallWatch<FakeLink>,
  links: readonly FakeLink[],
  { fromMs, toMs, alive }: { fromMs: number; toMs: number; alive: readonly FakeLink[] },
): FakeLink[] {
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += CHECK_MS) {
    const asked = alive.map((link) => link.asked);
    const stalled = watch.check(links, nowMs);
    if (stalled.length > 0) return stalled;
    for (const [at, link] of alive.entries()) if (link.asked !== asked[at]) link.lastHeardMs = nowMs + 1;
  }
  return [];
}

Deno.test("Stall watch: one that only waits is asked after ten silent seconds, once", () => {
  const link = new FakeLink();
  const watch = new StallWatch<FakeLink>(0);
  watchUntil(watch, [link], { fromMs: 0, toMs: 9000, alive: [] });
  assert.equal(link.asked, 0);
  watchUntil(watch, [link], { fromMs: 10_000, toMs: 12_000, alive: [] });
  assert.equal(link.asked, 1);
});

Deno.test("Stall watch: one that is used is asked after a silent second, and is in doubt when it owes the answer for one more", () => {
  const link = new FakeLink();
  const watch = new StallWatch<FakeLink>(0);
  watch.relyOn(link, 999);
  assert.equal(link.asked, 0);
  watch.relyOn(link, 1000);
  watch.relyOn(link, 1500);
  assert.equal(link.asked, 1);
  assert.equal(watch.isDoubtful(link, 1999), false);
  assert.equal(watch.isDoubtful(link, 2000), true);
  link.lastHeardMs = 2001;
  assert.equal(watch.isDoubtful(link, 2001), false);
});

Deno.test("Stall watch: what does not answer while another does has stalled", () => {
  const [dead, alive] = [new FakeLink(), new FakeLink()];
  const watch = new StallWatch<FakeLink>(0);
  watch.relyOn(dead, 1000);
  const links = [dead, alive];
  const askedMs = 1000;
  const early = watchUntil(watch, links, {
    fromMs: 1000,
    toMs: askedMs + GIVE_UP_MS - 1,
    alive: [alive],
  });
  assert.deepEqual(early, []);
  assert.ok(alive.asked > 0, "whether others live is asked at once");
  const late = watchUntil(watch, links, { fromMs: askedMs + GIVE_UP_MS, toMs: 7000, alive: [alive] });
  assert.deepEqual(late, [dead]);
});

Deno.test("Stall watch: as long as nobody answers nobody stalled", () => {
  const links = [new FakeLink(), new FakeLink()];
  const watch = new StallWatch<FakeLink>(0);
  assert.deepEqual(watchUntil(watch, links, { fromMs: 0, toMs: 60_000, alive: [] }), []);
  assert.deepEqual(links.map(({ asked }) => asked), [1, 1]);
});

Deno.test("Stall watch: what answers late is asked anew and stays", () => {
  const [late, alive] = [new FakeLink(), new FakeLink()];
  const watch = new StallWatch<FakeLink>(0);
  watch.relyOn(late, 1000);
  watchUntil(watch, [late, alive], { fromMs: 1000, toMs: 5000, alive: [alive] });
  late.lastHeardMs = 5500;
  assert.deepEqual(watchUntil(watch, [late, alive], { fromMs: 6000, toMs: 10_000, alive: [alive] }), []);
  assert.equal(watch.isDoubtful(late, 10_000), false);
});

Deno.test("Stall watch: a process that stood still holds that against nobody", () => {
  const [one, other] = [new FakeLink(), new FakeLink()];
  const watch = new StallWatch<FakeLink>(0);
  watch.relyOn(one, 1000);
  watch.check([one, other], 1000);
  other.lastHeardMs = 1500;
  const wokeMs = 60_000;
  assert.deepEqual(watch.check([one, other], wokeMs), []);
  assert.equal(watch.isDoubtful(one, wokeMs), false);
  // Both were asked, and their answers are read now.
  for (const link of [one, other]) link.lastHeardMs = wokeMs + 1;
  assert.deepEqual(
    watchUntil(watch, [one, other], { fromMs: wokeMs + 1000, toMs: wokeMs + 8000, alive: [one, other] }),
    [],
  );
});

Deno.test("Stall watch: one that is over owes nothing", () => {
  const [gone, alive] = [new FakeLink(), new FakeLink()];
  const watch = new StallWatch<FakeLink>(0);
  watch.relyOn(gone, 1000);
  watch.forget(gone);
  assert.equal(watch.isDoubtful(gone, 10_000), false);
  assert.deepEqual(watchUntil(watch, [alive], { fromMs: 1000, toMs: 20_000, alive: [alive] }), []);
});
