/**
 * Reads a certificate and its key from PEM files and makes sure that they belong together before anything
 * listens, so that a mistake is told at the start and not at the first handshake.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureVersion } from "node:tls";
import type { Config } from "../config/schema.ts";
import { messageOf, TrunklineError } from "../core/errors.ts";

/** Which files, and the oldest version of TLS that is spoken. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly minVersion: "1.2" | "1.3";
}

/** What a TLS listener needs. */
export interface TlsMaterial {
  readonly context: SecureContext;
  readonly minVersion: SecureVersion;
  /** When the certificate is no longer valid. */
  readonly validTo: Date;
}

/** Loads and checks both files. Throws `certificate_invalid`, naming the key of the configuration below `section`. */
export function loadTlsFiles({ cert, key, minVersion }: TlsFiles, section = "hub.tls"): TlsMaterial {
  const certPem = readPem(`${section}.cert`, cert);
  const keyPem = readPem(`${section}.key`, key);
  const certificate = parse(`${section}.cert`, cert, () => new X509Certificate(certPem));
  const privateKey: KeyObject = parse(`${section}.key`, key, () => createPrivateKey(keyPem));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new TrunklineError(
      "certificate_invalid",
      `Cannot use ${section}.key: the key in ${key} does not belong to the certificate in ${cert}`,
    );
  }
  const version: SecureVersion = minVersion === "1.3" ? "TLSv1.3" : "TLSv1.2";
  const context = parse(
    `${section}.cert`,
    cert,
    () => createSecureContext({ cert: certPem, key: keyPem, minVersion: version }),
  );
  return { context, minVersion: version, validTo: new Date(certificate.validTo) };
}

/** Loads what `hub.tls` names; `null` when TLS is off. */
export function loadConfiguredTls(
  { cert, key, min_version: minVersion }: Config["hub"]["tls"],
): TlsMaterial | null {
  return cert === null || key === null ? null : loadTlsFiles({ cert, key, minVersion });
}

function readPem(setting: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound
      ? "the file does not exist"
      : cause instanceof Deno.errors.NotCapable
      ? `the permission is missing; run with --allow-read=${path}`
      : messageOf(cause);
    throw new TrunklineError("certificate_invalid", `Cannot read ${setting} from ${path}: ${why}`, { cause });
  }
}

function parse<T>(setting: string, path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const message = `Cannot use ${setting}: ${path} holds no valid PEM (${messageOf(cause)})`;
    throw new TrunklineError("certificate_invalid", message, { cause });
  }
}
