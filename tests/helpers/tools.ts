/**
 * The programs that some tests need and that do not come with Deno. A test that needs one says so in its name,
 * `... (needs chromium)`, and is ignored where the program is not found; the test runner installs it where it
 * can, and names what was skipped where it cannot.
 */

/** A program that tests may need. */
export interface TestTool {
  /** As tests say it: `(needs <name>)`. */
  name: string;
  /** The Debian package that brings it. */
  debianPackage: string;
  /** The path of its executable, or null where it is not installed. */
  find(): string | null;
}

const chromiumPaths = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Where Chromium, or a browser of its kind, is installed: `CHROMIUM_PATH` first, then the usual places. */
export function findChromium(): string | null {
  return findProgram("CHROMIUM_PATH", chromiumPaths);
}

/** Where Python 3 is installed: `PYTHON_PATH` first, then the folders in which a shell looks. */
export function findPython(): string | null {
  return findProgram("PYTHON_PATH", inFolders("python3"));
}

/** Where a program of the system is installed. */
export function findOnPath(program: string): string | null {
  return inFolders(program).find(isFile) ?? null;
}

/** Every program that a test may need. */
export const testTools: readonly TestTool[] = [
  { name: "chromium", debianPackage: "chromium", find: findChromium },
  { name: "python3", debianPackage: "python3", find: findPython },
  { name: "redis-server", debianPackage: "redis-server", find: () => findOnPath("redis-server") },
  { name: "redis-benchmark", debianPackage: "redis-tools", find: () => findOnPath("redis-benchmark") },
  { name: "nginx", debianPackage: "nginx-light", find: () => findOnPath("nginx") },
  { name: "haproxy", debianPackage: "haproxy", find: () => findOnPath("haproxy") },
  { name: "curl", debianPackage: "curl", find: () => findOnPath("curl") },
  { name: "git", debianPackage: "git", find: () => findOnPath("git") },
  { name: "openssl", debianPackage: "openssl", find: () => findOnPath("openssl") },
  { name: "iperf3", debianPackage: "iperf3", find: () => findOnPath("iperf3") },
];

/** Where a shell looks for a program. */
function inFolders(program: string): string[] {
  const folders = (Deno.env.get("PATH") ?? "").split(":").filter((folder) => folder !== "");
  return folders.map((folder) => `${folder}/${program}`);
}

function findProgram(variable: string, paths: readonly string[]): string | null {
  const named = Deno.env.get(variable);
  return [...(named ? [named] : []), ...paths].find(isFile) ?? null;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}
