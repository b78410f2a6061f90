/** A real Chromium for tests of what a person sees. */
import { createHash, X509Certificate } from "node:crypto";
import { type Browser, chromium } from "playwright-core";
import { findChromium } from "./tools.ts";

/** How to start. */
export interface BrowserOptions {
  /** PEM of a certificate whose key is trusted although no authority of the system signed it. */
  readonly trusted?: string;
}

/** Starts Chromium without a window; it makes no connections of its own. */
export async function startBrowser({ trusted }: BrowserOptions = {}): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === null) throw new Error("Cannot start Chromium: it is not installed");
  const args = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ];
  if (trusted !== undefined) args.push(`--ignore-certificate-errors-spki-list=${publicKeyHash(trusted)}`);
  return await chromium.launch({ executablePath, args, chromiumSandbox: false });
}

/** The SHA-256 of the certificate's public key, as Chromium wants it. */
function publicKeyHash(pem: string): string {
  const key = new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("base64");
}
