/** How much memory a process may take, as far as somebody says. */
import assert from "node:assert/strict";
import { getHeapStatistics } from "node:v8";
import { MemoryMeter, readMemoryLimits } from "../../src/server/memory_limit.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";

const GIB = 1024 ** 3;
const limitOf = (totalBytes: number, cgroupBytes: number) =>
  readMemoryLimits(null, new MemoryLogger(), () => ({ totalBytes, cgroupBytes })).residentBytes;

Deno.test("Memory limit: three quarters of the smaller of machine and cgroup", () => {
  assert.equal(limitOf(8 * GIB, 4 * GIB), 3 * GIB);
  assert.equal(limitOf(4 * GIB, 8 * GIB), 3 * GIB);
  assert.equal(limitOf(4 * GIB, 2 ** 63), 3 * GIB);
  assert.equal(limitOf(4 * GIB, 0), 3 * GIB);
  assert.equal(limitOf(0, 0), null);
});

Deno.test("Memory limit: what is set counts, and nobody is asked", () => {
  const ask = () => assert.fail("asked");
  const { residentBytes, heapBytes } = readMemoryLimits(GIB, new MemoryLogger(), ask);
  assert.equal(residentBytes, GIB);
  assert.equal(heapBytes, getHeapStatistics().heap_size_limit);
});

Deno.test("Memory limit: where the runtime may not tell, that is said once and the heap counts", () => {
  const logger = new MemoryLogger();
  const { residentBytes } = readMemoryLimits(null, logger, () => {
    throw new Deno.errors.NotCapable("Requires sys access");
  });
  assert.equal(residentBytes, null);
  assert.deepEqual(logger.lines.map(({ level }) => level), ["debug"]);
});

Deno.test("Memory limit: the system tells this process", () => {
  assert.ok((readMemoryLimits(null, new MemoryLogger()).residentBytes ?? 0) > 0);
});

Deno.test("Memory meter: what is taken after its start is held", () => {
  const meter = new MemoryMeter();
  const kept = new Uint8Array(32 * 1024 * 1024).fill(1);
  const { residentBytes, heldBytes, baseBytes, heapBytes } = meter.read();
  assert.ok(heldBytes >= baseBytes && residentBytes > 0 && heapBytes > 0 && kept.length > 0);
});
