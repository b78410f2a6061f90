/**
 * Has the runtime collect what nobody holds any more, for when memory is short: by itself it does so only when its own
 * heap is full, and knows nothing of how much memory the process may take. It stops everything for the time that it
 * takes, so whoever calls it does so rarely.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/ports.ts";

/** Collects now. */
export type Collect = () => void;

/** Finds how to collect; where the runtime has no way, nothing is done. */
export function findCollector(logger: Logger): Collect {
  let collect: Collect | null = null;
  return () => {
    collect ??= lookUp(logger);
    collect();
  };
}

function lookUp(logger: Logger): Collect {
  try {
    setFlagsFromString("--expose-gc");
    const found: unknown = runInNewContext("gc");
    if (typeof found === "function") return () => void Reflect.apply(found, undefined, []);
    logger.debug("Cannot collect garbage when memory is short: the runtime has no way");
  } catch (error) {
    logger.debug("Cannot collect garbage when memory is short", { error: messageOf(error) });
  }
  return () => {};
}
