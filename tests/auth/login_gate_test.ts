import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { LoginGate } from "../../src/auth/login_gate.ts";
import { until } from "../helpers/event_loop.ts";

/** The ends of turns, when a test says so. */
function turns() {
  const waiting: (() => void)[] = [];
  return {
    atEndOfTurn: (run: () => void) => void waiting.push(run),
    end: () => waiting.splice(0).forEach((run) => run()),
  };
}

Deno.test("Login gate: no more run at once than may, the others in their order", async () => {
  const gate = new LoginGate({ maxRunning: 2, maxStartsPerTurn: 100 });
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const all = [0, 1, 2, 3, 4].map((n) =>
    gate.run(() => {
      begun.push(n);
      return new Promise<number>((resolve) => ends.push(() => resolve(n)));
    })
  );
  deepEqual(begun, [0, 1]);
  equal(gate.waiting, 3);
  ends[1]?.();
  await all[1];
  await until(() => begun.length === 3);
  deepEqual(begun, [0, 1, 2]);
  for (const n of [0, 2]) ends[n]?.();
  await until(() => begun.length === 5);
  for (const end of ends) end();
  deepEqual(await Promise.all(all), [0, 1, 2, 3, 4]);
  equal(gate.running, 0);
});

Deno.test("Login gate: no more begin in one turn than may", async () => {
  const { atEndOfTurn, end } = turns();
  const gate = new LoginGate({ maxStartsPerTurn: 3, atEndOfTurn });
  let begun = 0;
  const all = Array.from({ length: 7 }, () => gate.run(() => Promise.resolve(++begun)));
  await Promise.all(all.slice(0, 3));
  equal(begun, 3);
  end();
  await Promise.all(all.slice(0, 6));
  equal(begun, 6);
  end();
  await Promise.all(all);
});

Deno.test("Login gate: takes no more waiting ones than may wait", async () => {
  const gate = new LoginGate({ maxRunning: 1, maxWaiting: 2 });
  const task = () => Promise.resolve(true);
  const all = [gate.run(task), gate.run(task), gate.run(task), gate.run(task)];
  equal(all[3], null);
  await Promise.all(all);
  ok(await gate.run(task));
});

Deno.test("Login gate: one that fails does not keep the others", async () => {
  const gate = new LoginGate({ maxRunning: 1 });
  const failing = gate.run(() => Promise.reject(new Error("broken")));
  const next = gate.run(() => Promise.resolve("next"));
  await rejects(async () => await failing, /broken/);
  equal(await next, "next");
});

Deno.test("Login gate: who waits for something else gives up his place and comes back in his turn", async () => {
  const gate = new LoginGate({ maxRunning: 1, maxWaiting: 1, maxStartsPerTurn: 100 });
  const arrival = Promise.withResolvers<string>();
  const order: string[] = [];
  const waiting = ["a", "b", "c"].map((name) =>
    gate.run(async (wait) => {
      const found = await wait(arrival.promise);
      order.push(name);
      equal(gate.running, 1);
      return found;
    })
  );
  equal(gate.running, 0);
  const end = Promise.withResolvers<void>();
  const running = gate.run(async () => {
    await end.promise;
    order.push("d");
  });
  equal(gate.running, 1);
  arrival.resolve("here");
  await until(() => gate.waiting === 3);
  equal(gate.run(() => Promise.resolve()), null);
  end.resolve();
  await running;
  deepEqual(await Promise.all(waiting), ["here", "here", "here"]);
  deepEqual(order, ["d", "a", "b", "c"]);
  equal(gate.running, 0);
});

Deno.test("Login gate: what was waited for in vain fails inside, with a place", async () => {
  const gate = new LoginGate({ maxRunning: 1 });
  const failing = gate.run((wait) => wait(Promise.reject(new Error("away"))));
  await rejects(async () => await failing, /away/);
  equal(gate.running, 0);
});
