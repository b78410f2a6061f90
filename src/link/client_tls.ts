/** How a client speaks TLS: its PEM files read and checked before anything is dialled. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { type ErrorCode, messageOf, TrunklineError } from "../core/errors.ts";
import { type PemFile, readPemFile } from "./pem_file.ts";

/** How TLS is spoken; the texts are PEM. */
export interface ClientTls {
  /** The authority to trust instead of those that the runtime knows. */
  readonly ca: string | null;
  /** What to show of oneself. */
  readonly client: { readonly cert: string; readonly key: string } | null;
  /** Whether certificate and host name are checked. */
  readonly verify: boolean;
  /** The oldest version that is spoken. */
  readonly minVersion: "1.2" | "1.3";
}

/** The paths of PEM files; `null` where none is named. */
export interface ClientTlsFiles {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

/** What mistakes in the files are called. */
export interface ClientTlsNames {
  readonly names: Readonly<Record<keyof ClientTlsFiles, string>>;
  readonly code: ErrorCode;
}

/** Reads the files. Throws the code, naming the setting that is wrong. */
export function readClientTls(
  { ca, cert, key }: ClientTlsFiles,
  { names, code }: ClientTlsNames,
): Pick<ClientTls, "ca" | "client"> {
  const read = (part: keyof ClientTlsFiles, path: string, check: (pem: string) => void) =>
    readPem({ name: names[part], path, code }, check);
  const authority = ca === null ? null : read("ca", ca, (pem) => void new X509Certificate(pem));
  if (cert === null && key === null) return { ca: authority, client: null };
  if (cert === null || key === null) {
    const message =
      `Cannot use a client certificate: ${names.cert} and ${names.key} belong together; give both`;
    throw new TrunklineError(code, message);
  }
  const client = {
    cert: read("cert", cert, (pem) => void new X509Certificate(pem)),
    key: read("key", key, (pem) => void createPrivateKey(pem)),
  };
  if (!new X509Certificate(client.cert).checkPrivateKey(createPrivateKey(client.key))) {
    const message =
      `Cannot use ${names.key}: the key in ${key} does not belong to the certificate in ${cert}`;
    throw new TrunklineError(code, message);
  }
  return { ca: authority, client };
}

/** Reads a file; `check` throws where it is no such PEM. */
function readPem(file: PemFile, check: (pem: string) => void): string {
  const pem = readPemFile(file);
  try {
    check(pem);
    return pem;
  } catch (cause) {
    const { name, path, code } = file;
    const message = `Cannot use ${name}: ${path} holds no valid PEM (${messageOf(cause)})`;
    throw new TrunklineError(code, message, { cause });
  }
}
