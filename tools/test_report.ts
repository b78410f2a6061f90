/**
 * Reads the JUnit report of `deno test` and counts what happened. Steps are part of their test and not counted
 * again, except that a skipped step is a skip; tests that a filter left out are not counted at all.
 */

/** What a test run came to. */
export interface TestReport {
  readonly passed: number;
  readonly failed: number;
  /** Names of the tests and steps that were ignored, in the order of the report. */
  readonly skipped: readonly string[];
}

interface TestCase {
  readonly file: string;
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped" | "not run";
}

/** Counts the test cases of a JUnit report. */
export function readTestReport(junit: string): TestReport {
  const cases = readTestCases(junit);
  const names = new Set(cases.map((test) => caseKey(test.file, test.name)));
  const tests = cases.filter((test) => !isStep(test, names));
  return {
    passed: tests.filter((test) => test.outcome === "passed").length,
    failed: tests.filter((test) => test.outcome === "failed").length,
    skipped: cases.filter((test) => test.outcome === "skipped").map((test) => test.name),
  };
}

/** The line that ends a test run: `12 passed, 0 failed`, and `, 1 skipped` when something was. */
export function summaryLine({ passed, failed, skipped }: TestReport): string {
  const counts = `${passed} passed, ${failed} failed`;
  return skipped.length === 0 ? counts : `${counts}, ${skipped.length} skipped`;
}

function readTestCases(junit: string): TestCase[] {
  const cases: TestCase[] = [];
  for (const found of junit.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const [, attributes = "", body = ""] = found;
    cases.push({
      file: attribute(attributes, "classname"),
      name: attribute(attributes, "name"),
      outcome: outcomeOf(attributes, body),
    });
  }
  return cases;
}

/** A filtered test is reported as skipped too, but unlike an ignored one it has no duration. */
function outcomeOf(attributes: string, body: string): TestCase["outcome"] {
  if (/<(failure|error)\b/.test(body)) return "failed";
  if (!/<skipped\b/.test(body)) return "passed";
  return /\btime="/.test(attributes) ? "skipped" : "not run";
}

/** A step is named `test > step`, after a test of the same file. */
function isStep(test: TestCase, names: ReadonlySet<string>): boolean {
  for (let at = test.name.indexOf(" > "); at !== -1; at = test.name.indexOf(" > ", at + 1)) {
    if (names.has(caseKey(test.file, test.name.slice(0, at)))) return true;
  }
  return false;
}

function caseKey(file: string, name: string): string {
  return `${file}\n${name}`;
}

function attribute(attributes: string, name: string): string {
  const found = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes);
  return unescapeXml(found?.[1] ?? "");
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescapeXml(text: string): string {
  return text.replace(/&(#x[0-9a-f]+|#\d+|\w+);/gi, (whole, entity: string) => {
    if (!entity.startsWith("#")) return ENTITIES[entity] ?? whole;
    const code = /^#x/i.test(entity) ? parseInt(entity.slice(2), 16) : parseInt(entity.slice(1), 10);
    return String.fromCodePoint(code);
  });
}
