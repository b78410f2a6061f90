/**
 * Finds the Chromium that browser tests drive, and installs Debian's where that is possible. Guarantees that a
 * missing browser is never an error here: tests that need one are skipped by name, and the runner says which.
 */
import type { Io } from "../src/cli/io.ts";

/** Where systems put Chromium, or a browser that speaks the same protocol. */
const KNOWN_PATHS: readonly string[] = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** The path of Chromium: that of `CHROMIUM_PATH` when it is a file, else the first known one, else `null`. */
export function findChromium(): string | null {
  const named = Deno.env.get("CHROMIUM_PATH");
  const candidates = named === undefined || named === "" ? KNOWN_PATHS : [named, ...KNOWN_PATHS];
  return candidates.find(isFile) ?? null;
}

/** Sees to it that Chromium is there, where this process may install packages. Says what it does. */
export async function prepareChromium(io: Io): Promise<void> {
  if (findChromium() !== null || !mayInstall()) return;
  io.err("Installing Chromium for the browser tests with apt-get");
  const installed = await aptGet("install") || (await aptGet("update") && await aptGet("install"));
  if (installed && findChromium() !== null) return;
  io.err("Cannot install Chromium: apt-get failed; tests that need it are skipped, or set CHROMIUM_PATH");
}

function mayInstall(): boolean {
  return Deno.build.os === "linux" && Deno.uid() === 0 && isFile("/usr/bin/apt-get");
}

async function aptGet(action: "install" | "update"): Promise<boolean> {
  const args = action === "update"
    ? ["update", "-qq"]
    : ["install", "-y", "-qq", "--no-install-recommends", "chromium"];
  const { success } = await new Deno.Command("apt-get", {
    args,
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).output();
  return success;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
