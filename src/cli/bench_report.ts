/** What came of a load test: a table for people, one object of JSON for scripts. */
import { formatSize } from "../config/units.ts";
import type { BenchResult } from "./bench_run.ts";
import type { LoadFigures } from "./bench_load.ts";
import type { BenchPlan } from "./bench_plan.ts";
import { grouped } from "./figures.ts";
import { printable } from "../core/printable.ts";
import { formatTable } from "./table.ts";

const MEGABYTE = 1_000_000;
const QUANTILES = { p50: 0.5, p99: 0.99, p999: 0.999 } as const;

/** What a test is called. */
export interface ReportOf {
  readonly plan: BenchPlan;
  readonly url: string;
}

/** The lines of the table. */
export function formatReport({ loads }: BenchResult): string[] {
  const rows = ROWS.map(([label, cell]) => [label, ...loads.map(cell)])
    .filter(([label = "", ...cells]) => !SELDOM.has(label) || cells.some((text) => text !== "0"));
  return formatTable(["", ...loads.map(({ kind }) => kind)], rows);
}

/** One object; every unit is in a name. */
export function reportAsJson({ end, loads }: BenchResult, { plan, url }: ReportOf): object {
  const topic = (plan.publish ?? plan.request)?.topic;
  const named = Object.fromEntries(loads.map((figures) => [figures.kind, loadAsJson(figures)]));
  return { mode: plan.mode, url, topic, end, ...named };
}

/** What is only told when it happened. */
const SELDOM: ReadonlySet<string> = new Set(["out of order", "received twice", "closed as too slow (4413)"]);

const ROWS: readonly (readonly [string, (figures: LoadFigures) => string])[] = [
  ["who", ({ parties }) => parties],
  [
    "payload, in flight each",
    ({ sizeBytes, inFlight }) =>
      `${sizeBytes < 1024 ? `${sizeBytes} B` : formatSize(sizeBytes)}, ${
        inFlight === 0 ? "no limit" : inFlight
      }`,
  ],
  ["time", ({ elapsedMs }) => `${(elapsedMs / 1000).toFixed(2)} s`],
  ["sent", (figures) => `${grouped(figures.sent)} (${grouped(perSecond(figures.sent, figures))}/s)`],
  [
    "received",
    (figures) => `${grouped(figures.received)} (${grouped(perSecond(figures.received, figures))}/s)`,
  ],
  ["received MB/s", (figures) => megabytesPerSecond(figures).toFixed(2)],
  ["latency p50", ({ latency }) => asMs(latency.quantileUs(QUANTILES.p50))],
  ["latency p99", ({ latency }) => asMs(latency.quantileUs(QUANTILES.p99))],
  ["latency p99.9", ({ latency }) => asMs(latency.quantileUs(QUANTILES.p999))],
  ["latency max", ({ latency }) => asMs(latency.count === 0 ? null : latency.maxUs)],
  ["lost, told by the hub", ({ kind, dropped }) => kind === "publish" ? grouped(dropped) : "-"],
  ["missing", ({ missing }) => grouped(missing)],
  ["out of order", ({ outOfOrder }) => grouped(outOfOrder)],
  ["received twice", ({ twice }) => grouped(twice)],
  ["closed as too slow (4413)", ({ closedAsTooSlow }) => grouped(closedAsTooSlow)],
  [
    "errors",
    ({ errors }) =>
      errors.entries().map(([code, times]) => `${printable(code)} ${grouped(times)}`).join(", ") || "none",
  ],
];

function loadAsJson(figures: LoadFigures): object {
  const { latency } = figures;
  return {
    parties: figures.parties,
    sizeBytes: figures.sizeBytes,
    inFlight: figures.inFlight,
    ratePerSecond: figures.ratePerSecond,
    elapsedSeconds: rounded(figures.elapsedMs / 1000),
    sentMessages: figures.sent,
    expectedMessages: figures.expected,
    receivedMessages: figures.received,
    droppedMessages: figures.dropped,
    missingMessages: figures.missing,
    failedMessages: figures.failed,
    outOfOrderMessages: figures.outOfOrder,
    repeatedMessages: figures.twice,
    closedAsTooSlow: figures.closedAsTooSlow,
    sentMessagesPerSecond: rounded(perSecond(figures.sent, figures)),
    receivedMessagesPerSecond: rounded(perSecond(figures.received, figures)),
    receivedMegabytesPerSecond: rounded(megabytesPerSecond(figures)),
    latencyP50Ms: inMs(latency.quantileUs(QUANTILES.p50)),
    latencyP99Ms: inMs(latency.quantileUs(QUANTILES.p99)),
    latencyP999Ms: inMs(latency.quantileUs(QUANTILES.p999)),
    latencyMaxMs: inMs(latency.count === 0 ? null : latency.maxUs),
    errors: Object.fromEntries(figures.errors.entries()),
  };
}

/** 0 where it took no time at all. */
function perSecond(amount: number, { elapsedMs }: LoadFigures): number {
  return elapsedMs <= 0 ? 0 : amount * 1000 / elapsedMs;
}

function megabytesPerSecond(figures: LoadFigures): number {
  return perSecond(figures.receivedBytes, figures) / MEGABYTE;
}

function asMs(us: number | null): string {
  return us === null ? "-" : `${(us / 1000).toFixed(3)} ms`;
}

function inMs(us: number | null): number | null {
  return us === null ? null : us / 1000;
}

function rounded(value: number): number {
  return Number(value.toFixed(3));
}
