/** What a process holds, after everything that nobody holds was given back. */

/** What one process holds. */
export interface Usage {
  /** Open descriptors; 0 where the system does not list them. */
  readonly descriptors: number;
  /** Bytes of the heap that are in use, buffers outside of it included. */
  readonly heapBytes: number;
  /** What the system has given it, without what its allocator keeps for later. */
  readonly residentBytes: number;
  /** Connections and streams that are there, as the process itself counts. */
  readonly connections: number;
  readonly streams: number;
}

/** The sides that a soak measures. */
export const SIDES = ["agent", "hub"] as const;

const MIB = 1024 * 1024;

/** Bytes for people. */
export function toMib(bytes: number): number {
  return Number((bytes / MIB).toFixed(1));
}

/** What a process counts itself. */
export type OwnCounts = Pick<Usage, "connections" | "streams">;

/** Collections, with turns between them in which what was collected is cleaned up. */
const COLLECTIONS = 6;
const PAUSE_MS = 50;

/** Measures this process. It has to run with `--v8-flags=--expose-gc`. */
export async function measureUsage(count: () => OwnCounts): Promise<Usage> {
  const collect: unknown = Reflect.get(globalThis, "gc");
  if (typeof collect !== "function") {
    throw new Error("Cannot measure: the process has no gc(); run it with --v8-flags=--expose-gc");
  }
  for (let at = 0; at < COLLECTIONS; at++) {
    collect();
    await new Promise((passed) => setTimeout(passed, PAUSE_MS));
  }
  giveBack();
  const { heapUsed, external, rss } = Deno.memoryUsage();
  return { descriptors: descriptors(), heapBytes: heapUsed + external, residentBytes: rss, ...count() };
}

/**
 * Has the allocator give back what nobody holds: freed memory that it keeps for itself is not held by the program, but
 * counts as resident. Only glibc can be told; elsewhere the resident bytes include it.
 */
function giveBack(): void {
  if (Deno.build.os !== "linux" || Deno.build.target.includes("musl")) return;
  const libc = Deno.dlopen("libc.so.6", { malloc_trim: { parameters: ["usize"], result: "i32" } });
  libc.symbols.malloc_trim(0n);
  libc.close();
}

function descriptors(): number {
  try {
    return [...Deno.readDirSync("/proc/self/fd")].length;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
