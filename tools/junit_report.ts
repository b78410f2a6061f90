/**
 * Reads the JUnit report that `deno test` writes, as far as the test runner needs it: which test ended how. The
 * reader knows that one writer and no other; a test pins its habits down with a real report.
 */

/** How a test ended. `filtered` is one that `--filter` or `only` left out, `skipped` one that is ignored. */
export type TestOutcome = "passed" | "failed" | "skipped" | "filtered";

/** A test, or a step of one. */
export interface TestResult {
  /** The file as the report names it. */
  file: string;
  /** The test's name; of a step the names of its test and itself, ` > ` between them. */
  name: string;
  outcome: TestOutcome;
  isStep: boolean;
}

/** The results of a report, in its order. */
export function parseJunitReport(xml: string): TestResult[] {
  const results = [...xml.matchAll(/<testcase ([^>]*)>([\s\S]*?)<\/testcase>/g)]
    .map(([, attributes = "", body = ""]) => parseTestCase(attributes, body));
  const names = new Set(results.map(({ file, name }) => `${file}\n${name}`));
  return results.map((result) => ({ ...result, isStep: hasParent(result, names) }));
}

function parseTestCase(attributes: string, body: string): Omit<TestResult, "isStep"> {
  const attribute = (name: string) =>
    unescape(new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "");
  return { file: attribute("classname"), name: attribute("name"), outcome: outcomeOf(attributes, body) };
}

function outcomeOf(attributes: string, body: string): TestOutcome {
  if (/<(?:failure|error)\b/.test(body)) return "failed";
  if (!body.includes("<skipped")) return "passed";
  // Tests that were left out are written as skipped too, but were never begun and have no time.
  return /\btime="/.test(attributes) ? "skipped" : "filtered";
}

function hasParent({ file, name }: { file: string; name: string }, names: ReadonlySet<string>): boolean {
  for (let end = name.lastIndexOf(" > "); end > 0; end = name.lastIndexOf(" > ", end - 1)) {
    if (names.has(`${file}\n${name.substring(0, end)}`)) return true;
  }
  return false;
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replaceAll(
    /&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi,
    (whole, hex?: string, decimal?: string, name = "") => {
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      return entities[name] ?? whole;
    },
  );
}
