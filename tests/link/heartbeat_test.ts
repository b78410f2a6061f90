import assert from "node:assert/strict";
import { HeartbeatMonitor, type HeartbeatPeer } from "../../src/link/heartbeat.ts";

class FakePeer implements HeartbeatPeer {
  lastHeardMs = 0;
  asked = 0;
  expired = 0;
  stallMs = 0;
  ended = 0;
  isHeld = false;

  stalledMs(): number {
    return this.stallMs;
  }

  stalled(): void {
    this.ended++;
  }

  ask(): void {
    this.asked++;
  }

  expire(): void {
    this.expired++;
  }
}

function setUp() {
  const clock = { ms: 0, now: () => clock.ms };
  const monitor = new HeartbeatMonitor({ intervalMs: 30, timeoutMs: 60, clock });
  const peer = new FakePeer();
  monitor.watch(peer);
  /** Lets the time go on as it does, check by check. */
  const at = (ms: number) => {
    while (clock.ms < ms) {
      clock.ms++;
      monitor.check();
    }
  };
  /** The whole process stands still until then. */
  const stallUntil = (ms: number) => {
    clock.ms = ms;
    monitor.check();
  };
  return { monitor, peer, at, stallUntil };
}

Deno.test("Heartbeat: a silent peer is asked once an interval and given up at the time-out", () => {
  const { peer, at } = setUp();
  at(29);
  assert.equal(peer.asked, 0);
  at(30);
  at(31);
  assert.equal(peer.asked, 1);
  at(59);
  assert.equal(peer.expired, 0);
  at(60);
  at(61);
  assert.equal(peer.expired, 1);
});

Deno.test("Heartbeat: a peer that answers is kept and asked again", () => {
  const { peer, at } = setUp();
  for (let ms = 1; ms <= 300; ms++) {
    const asked = peer.asked;
    at(ms);
    if (peer.asked > asked) peer.lastHeardMs = ms + 0.5;
  }
  assert.equal(peer.expired, 0);
  assert.equal(peer.asked, 9);
});

Deno.test("Heartbeat: a peer of whom nothing is read is not given up, and has its time once it is read again", () => {
  const { peer, at } = setUp();
  at(40);
  assert.equal(peer.asked, 1);
  peer.isHeld = true;
  at(500);
  assert.deepEqual([peer.asked, peer.expired], [1, 0]);
  peer.isHeld = false;
  at(529);
  assert.deepEqual([peer.asked, peer.expired], [2, 0]);
  at(540);
  assert.equal(peer.expired, 1);
});

Deno.test("Heartbeat: nobody is given up for a stall of the whole process", () => {
  const { peer, at, stallUntil } = setUp();
  at(31);
  assert.equal(peer.asked, 1);
  stallUntil(500);
  assert.equal(peer.expired, 0, "the answer may wait unread");
  peer.lastHeardMs = 501;
  at(520);
  assert.equal(peer.expired, 0);
  at(600);
  assert.equal(peer.expired, 1, "who stays silent is given up all the same");
});

Deno.test("Heartbeat: who was never asked is asked after a stall, not given up", () => {
  const { peer, at, stallUntil } = setUp();
  at(10);
  stallUntil(200);
  assert.deepEqual([peer.asked, peer.expired], [1, 0]);
  at(229);
  assert.equal(peer.expired, 0);
  at(231);
  assert.equal(peer.expired, 1);
});

Deno.test("Heartbeat: a peer that left is not asked", () => {
  const { monitor, peer, at } = setUp();
  monitor.unwatch(peer);
  at(100);
  assert.deepEqual([peer.asked, peer.expired], [0, 0]);
});

Deno.test("Heartbeat: start and stop leave no timer", () => {
  const { monitor } = setUp();
  monitor.start();
  monitor.start();
  monitor.stop();
});

Deno.test("Heartbeat: a peer that takes nothing is ended, whatever it says, and not after a stall of the process", () => {
  const { peer, at, stallUntil } = setUp();
  peer.lastHeardMs = Infinity;
  peer.stallMs = 59;
  at(10);
  assert.equal(peer.ended, 0);
  peer.stallMs = 60;
  stallUntil(200);
  assert.equal(peer.ended, 0);
  at(240);
  assert.deepEqual([peer.ended, peer.expired], [1, 0]);
});
