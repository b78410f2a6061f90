/**
 * What every benchmark shows: a table for people, a JSON file for programs, progress on a terminal.
 */
import { VERSION } from "../src/core/version.ts";
import { processIo } from "../src/cli/io.ts";
import type { BenchmarkOptions } from "./benchmark.ts";

/** One row of a table: the columns by name, in the order of the first row. */
export type Row = Readonly<Record<string, string | number>>;

/** The figures of one benchmark. */
export interface Report {
  readonly name: string;
  readonly rows: readonly Row[];
  /** Lines below the table: budgets and whether they are met. */
  readonly notes: readonly string[];
  /** All single measurements, for the file. */
  readonly samples: unknown;
}

/** Prints a report and writes it to `options.outFile`, or to `dist/bench/<name>.json`. */
export async function publish(report: Report, options: BenchmarkOptions): Promise<void> {
  progress("");
  for (const line of formatTable(report.rows)) processIo.out(line);
  for (const note of report.notes) processIo.out(note);
  const file = options.outFile ?? `dist/bench/${report.name}.json`;
  if (options.outFile === null) await Deno.mkdir("dist/bench", { recursive: true });
  const about = {
    version: VERSION,
    deno: Deno.version.deno,
    cpus: navigator.hardwareConcurrency,
    date: new Date(),
  };
  await Deno.writeTextFile(file, `${JSON.stringify({ ...about, ...report }, null, 2)}\n`);
  processIo.out(`Figures: ${file}`);
}

/** Says what is measured now, on a terminal only. */
export function progress(text: string): void {
  if (!Deno.stderr.isTerminal()) return;
  Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
}

/** The rows as aligned text, numbers to the right. */
export function formatTable(rows: readonly Row[]): string[] {
  const columns = Object.keys(rows[0] ?? {});
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? "")))];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => line[at]?.length ?? 0)));
  const numeric = columns.map((column) => rows.every((row) => typeof row[column] === "number"));
  const format = (line: readonly string[]) =>
    line.map((cell, at) => numeric[at] ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)).join(
      "  ",
    );
  const [head = [], ...body] = cells;
  return [format(head), widths.map((width) => "-".repeat(width)).join("  "), ...body.map(format)];
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which a share of all values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** A number with as many digits as mean something here. */
export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

/** The median and the spread of several ratios. */
export function formatRatio(ratios: readonly number[]): string {
  return formatSpread(ratios);
}

/** The median and the spread of several values. */
export function formatSpread(values: readonly number[], digits = 2): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(digits)} (${least.toFixed(digits)}-${most.toFixed(digits)})`;
}

/** What a figure has to keep to. */
export interface Budget {
  readonly value: number;
  readonly limit: number;
  readonly aim?: number;
  /** Whether the limit is the least that is allowed. @default false, the most */
  readonly atLeast?: boolean;
}

/** A line about a budget. */
export function budgetNote(what: string, { value, limit, aim, atLeast = false }: Budget): string {
  const bound = `${atLeast ? "at least" : "at most"} ${limit}`;
  const wanted = aim === undefined ? bound : `${bound}, aim ${aim}`;
  const isMet = atLeast ? value >= limit : value <= limit;
  return `${isMet ? "met  " : "MISSED"} ${what}: ${round(value)} (${wanted})`;
}
