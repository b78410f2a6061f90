/**
 * How much memory the process may take: what is set, or what the machine and its cgroup leave it; and how much it
 * takes. Where the runtime may not ask (`--allow-sys=systemMemoryInfo`), what is not set is not known.
 */
import process from "node:process";
import { getHeapStatistics } from "node:v8";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/ports.ts";
import type { MemoryLimits, MemoryUse } from "./memory_stage.ts";

/** The rest is for the buffers of sockets in the kernel, which a cgroup counts too, and for everything else that runs. */
export const SHARE_OF_SYSTEM = 0.75;

/** What the system says, in bytes. */
export interface SystemMemory {
  readonly totalBytes: number;
  /** Of the cgroup (`memory.max`, or `memory.limit_in_bytes`); 0, or more than there is: none. */
  readonly cgroupBytes: number;
}

/** Asks the runtime. Throws where it may not tell. */
function askSystem(): SystemMemory {
  return { totalBytes: Deno.systemMemoryInfo().total, cgroupBytes: process.constrainedMemory() };
}

/** The bounds of a process; `setBytes`: what an operator says. */
export function readMemoryLimits(
  setBytes: number | null,
  logger: Logger,
  ask: () => SystemMemory = askSystem,
): MemoryLimits {
  const heapBytes = getHeapStatistics().heap_size_limit;
  return { residentBytes: setBytes ?? systemShare(logger, ask), heapBytes };
}

function systemShare(logger: Logger, ask: () => SystemMemory): number | null {
  try {
    const { totalBytes, cgroupBytes } = ask();
    const bounds = [totalBytes, cgroupBytes].filter((bytes) => bytes > 0);
    return bounds.length === 0 ? null : Math.floor(SHARE_OF_SYSTEM * Math.min(...bounds));
  } catch (error) {
    logger.debug("Cannot tell how much memory there is; only the JavaScript heap is watched", {
      setting: "performance.memory",
      error: messageOf(error),
    });
    return null;
  }
}

/** Measures the process, from its start on. */
export class MemoryMeter {
  readonly #baseBytes: number;
  /** Of what it had then, what is neither heap nor buffers: it is held for ever. */
  readonly #fixedBytes: number;

  constructor() {
    const { rss, heapTotal, external } = Deno.memoryUsage();
    this.#baseBytes = rss;
    this.#fixedBytes = Math.max(0, rss - heapTotal - external);
  }

  /** What it takes now. */
  read(): MemoryUse {
    const { rss, heapTotal, heapUsed, external } = Deno.memoryUsage();
    return {
      residentBytes: rss,
      baseBytes: this.#baseBytes,
      heldBytes: this.#fixedBytes + heapTotal + external,
      heapBytes: heapUsed,
    };
  }
}
