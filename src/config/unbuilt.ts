/**
 * The parts of the configuration that this version does not have yet. Their keys are read and checked, but
 * switching one of them on is refused by name. When a part is built, its line goes and its default changes.
 */
import type { Report } from "./problem.ts";
import { valueAt } from "./schema_walk.ts";
import type { Config } from "./schema.ts";

/** A setting, or a section of settings, of a part that does not exist yet. Its default is "off". */
export interface UnbuiltPart {
  /** The dotted key. */
  readonly key: string;
  /** What is missing, as the subject of "is not part of this version". */
  readonly part: string;
  /** The only values that are refused; without it, all but the default are. */
  readonly refused?: readonly unknown[];
}

/** Every part that does not exist yet. */
export const UNBUILT: readonly UnbuiltPart[] = [
  { key: "dashboard.enabled", part: "the dashboard" },
  { key: "cluster.driver", part: "the cluster of hubs" },
];

interface Checking {
  readonly defaults: Config;
  /** Whether the key, or anything below it, was read without a mistake. */
  readonly isValid: (key: string) => boolean;
  readonly report: Report;
}

/** Reports every part that is switched on and does not exist yet. */
export function refuseUnbuilt(config: Config, { defaults, isValid, report }: Checking): void {
  for (const { key, part, refused } of UNBUILT) {
    const path = key.split(".");
    const usual = valueAt(defaults, path);
    if (!isValid(key)) continue;
    const value = valueAt(config, path);
    const isRefused = refused === undefined ? !isSame(value, usual) : refused.includes(value);
    if (isRefused) report(path, unbuiltMessage(key, { part, value, usual }));
  }
}

function unbuiltMessage(
  key: string,
  { part, value, usual }: { part: string; value: unknown; usual: unknown },
): string {
  const leave = typeof usual === "object" && usual !== null ? "empty" : "at its default";
  const end = `${part} is not part of this version; leave it ${
    typeof usual === "boolean" || usual === null || typeof usual === "string" ? String(usual) : leave
  }`;
  return value === true ? `Cannot enable ${key}: ${end}` : `Cannot set ${key}: ${end}`;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
