/**
 * The numbers of the process itself: memory, CPU time, start time, versions. Everything here is readable without
 * any permission flag; a runtime that cannot tell the CPU time leaves that series out.
 */

import process from "node:process";
import type { MetricSample } from "./metric_table.ts";

/** What to report that the runtime does not know. */
export interface ProcessStatsOptions {
  /** Version of Trunkline. */
  readonly version: string;
}

/** A metric source for the process that it runs in. */
export class ProcessStats {
  readonly #version: string;

  constructor(options: ProcessStatsOptions) {
    this.#version = options.version;
  }

  /** The process's numbers now. */
  *samples(): Iterable<MetricSample> {
    const labels = { version: this.#version, deno: Deno.version.deno };
    yield { name: "trunkline_build_info", labels, value: 1 };
    yield { name: "process_start_time_seconds", value: performance.timeOrigin / 1000 };
    // Not read from /proc, which would need --allow-read of more than the project.
    const memory = Deno.memoryUsage();
    yield { name: "process_resident_memory_bytes", value: memory.rss };
    yield { name: "process_heap_used_bytes", value: memory.heapUsed };
    yield { name: "process_heap_total_bytes", value: memory.heapTotal };
    yield* cpuSamples();
  }
}

function* cpuSamples(): Iterable<MetricSample> {
  const usage = cpuMicroseconds();
  if (usage === null) return;
  yield { name: "process_cpu_seconds_total", labels: { mode: "user" }, value: usage.user / 1e6 };
  yield { name: "process_cpu_seconds_total", labels: { mode: "system" }, value: usage.system / 1e6 };
}

/** What the process used of the processor so far; `null` where the system does not say. */
export function cpuMicroseconds(): { user: number; system: number } | null {
  try {
    return process.cpuUsage();
  } catch {
    return null;
  }
}
