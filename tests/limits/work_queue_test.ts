import assert from "node:assert/strict";
import { WorkQueue, type WorkQueueOptions } from "../../src/limits/work_queue.ts";

/** A queue whose jobs end when the test says so. */
class Fixture {
  readonly started: string[] = [];
  readonly queue: WorkQueue;
  readonly #ends = new Map<string, () => void>();

  constructor(options: Partial<WorkQueueOptions>) {
    this.queue = new WorkQueue({ concurrency: 1, maxWaiting: 10, maxWaitingBytes: 100, ...options });
  }

  offer(name: string, bytes = 1): boolean {
    return this.queue.offer({
      bytes,
      run: () => {
        this.started.push(name);
        return new Promise((resolve) => this.#ends.set(name, resolve));
      },
    });
  }

  /** Ends a job and lets the queue go on. */
  async end(name: string): Promise<void> {
    this.#ends.get(name)?.();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

Deno.test("WorkQueue: runs so many at a time, the others in the order they came", async () => {
  const fixture = new Fixture({ concurrency: 2 });
  for (const name of ["a", "b", "c", "d"]) assert.ok(fixture.offer(name));
  assert.deepEqual(fixture.started, ["a", "b"]);
  await fixture.end("b");
  assert.deepEqual(fixture.started, ["a", "b", "c"]);
  await fixture.end("a");
  assert.deepEqual(fixture.started, ["a", "b", "c", "d"]);
});

Deno.test("WorkQueue: turns away who does not fit in, by number and by bytes", async () => {
  const fixture = new Fixture({ maxWaiting: 2, maxWaitingBytes: 10 });
  assert.ok(fixture.offer("running", 1000), "what runs does not wait");
  assert.equal(fixture.offer("too much", 11), false);
  assert.ok(fixture.offer("a", 9));
  assert.equal(fixture.offer("too much", 2), false);
  assert.ok(fixture.offer("b", 1));
  assert.equal(fixture.offer("one too many", 0), false);
  await fixture.end("running");
  assert.ok(fixture.offer("c", 9), "the room of the one that started is free again");
});

Deno.test("WorkQueue: is idle when nothing runs and nothing waits", async () => {
  const fixture = new Fixture({});
  await fixture.queue.idle();
  fixture.offer("a");
  fixture.offer("b");
  let isIdle = false;
  const idle = fixture.queue.idle().then(() => isIdle = true);
  await fixture.end("a");
  assert.equal(isIdle, false);
  await fixture.end("b");
  await idle;
});
