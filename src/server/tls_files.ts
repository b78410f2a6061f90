/**
 * Reads a certificate and its key from PEM files and makes sure that they belong together before anything
 * listens, so that a mistake is told at the start and not at the first handshake.
 */
import { createHash, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureVersion } from "node:tls";
import { ClientTrust } from "../auth/client_trust.ts";
import { messageOf, TrunklineError } from "../core/errors.ts";
import { readPemFile } from "../link/pem_file.ts";

/** Which files, and the oldest version of TLS that is spoken. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly minVersion: "1.2" | "1.3";
  /** @default no client certificates */
  readonly clients?: ClientFiles | null;
}

/** What a TLS listener needs. */
export interface TlsMaterial {
  readonly context: SecureContext;
  readonly minVersion: SecureVersion;
  /** When the certificate is no longer valid. */
  readonly validTo: Date;
  /** The same for the same files. */
  readonly id: string;
  /** Whose client certificates are believed; `null`: none are asked for. */
  readonly clients: ClientTrust | null;
}

/** Which client certificates are believed. */
export interface ClientFiles {
  /** PEM of authorities. */
  readonly ca: string;
  readonly required: boolean;
  readonly deny: readonly string[];
}

/** Loads and checks both files. Throws `certificate_invalid`, naming the key of the configuration below `section`. */
export function loadTlsFiles(
  { cert, key, minVersion, clients = null }: TlsFiles,
  section = "hub.tls",
): TlsMaterial {
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
  const authorities = clients === null ? null : loadAuthorities(`${section}.client_ca`, clients);
  // Clients are told the names of the authorities, so that they find the certificate to show.
  const ca = authorities === null ? {} : { ca: [...authorities.pems] };
  const context = parse(
    `${section}.cert`,
    cert,
    () => createSecureContext({ cert: certPem, key: keyPem, minVersion: version, ...ca }),
  );
  const read = { certPem, keyPem, ca, clients };
  const id = createHash("sha256").update(JSON.stringify(read)).digest("base64");
  const validTo = new Date(certificate.validTo);
  return { context, minVersion: version, validTo, id, clients: authorities?.trust ?? null };
}

/** What a section of the configuration says of certificates. */
export interface TlsSection {
  readonly cert: string | null;
  readonly key: string | null;
  readonly min_version: TlsFiles["minVersion"];
  readonly sni: readonly { readonly host: string; readonly cert: string; readonly key: string }[];
  /** Left out where no client certificates are asked for. */
  readonly client_ca?: string | null;
  readonly require_client_cert?: boolean;
  readonly deny?: readonly string[];
}

/** The certificates of one door, by the name that a client asks for. */
export interface TlsSet {
  /** For whoever asks for no name, or one that has none. */
  readonly material: TlsMaterial;
  readonly byHost: ReadonlyMap<string, TlsMaterial>;
}

/** Loads all that a section names; `null` when TLS is off. Throws as {@link loadTlsFiles}. */
export function loadTlsSet(tls: TlsSection | null, section: string): TlsSet | null {
  if (tls === null || tls.cert === null || tls.key === null) return null;
  const { cert, key, min_version: minVersion, sni } = tls;
  const clients = clientFilesOf(tls);
  const material = loadTlsFiles({ cert, key, minVersion, clients }, section);
  const byHost = new Map<string, TlsMaterial>();
  for (const [at, one] of sni.entries()) {
    byHost.set(
      one.host.toLowerCase(),
      loadTlsFiles({ ...one, minVersion, clients }, `${section}.sni[${at}]`),
    );
  }
  return { material, byHost };
}

function clientFilesOf(
  { client_ca: ca = null, require_client_cert: required = false, deny = [] }: TlsSection,
): ClientFiles | null {
  return ca === null ? null : { ca, required, deny };
}

/** What is shown to a client that asks for a name; `*.` stands for one label. */
export function materialFor({ material, byHost }: TlsSet, host: string): TlsMaterial {
  const name = host.toLowerCase();
  const dot = name.indexOf(".");
  const wildcard = dot < 0 ? undefined : byHost.get(`*${name.slice(dot)}`);
  return byHost.get(name) ?? wildcard ?? material;
}

/** The files that a section names. */
export function tlsFilesOf(tls: TlsSection | null): string[] {
  if (tls === null) return [];
  const paths = [tls, ...tls.sni].flatMap(({ cert, key }) => [cert, key]);
  return [...paths, tls.client_ca ?? null].filter((path) => path !== null);
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function loadAuthorities(
  setting: string,
  { ca: path, required, deny }: ClientFiles,
): { readonly pems: readonly string[]; readonly trust: ClientTrust } {
  const pems = readPem(setting, path).match(PEM_CERTIFICATE) ?? [];
  if (pems.length === 0) {
    throw new TrunklineError(
      "certificate_invalid",
      `Cannot use ${setting}: ${path} holds no certificate in PEM; write that of the authority into it`,
    );
  }
  const authorities = pems.map((pem) => parse(setting, path, () => new X509Certificate(pem)));
  try {
    return { pems, trust: new ClientTrust({ authorities, required, deny }) };
  } catch (cause) {
    const message = `Cannot use ${setting}: a certificate in ${path} cannot vouch for clients, as ${
      messageOf(cause)
    }`;
    throw new TrunklineError("certificate_invalid", message, { cause });
  }
}

function readPem(name: string, path: string): string {
  return readPemFile({ name, path, code: "certificate_invalid" });
}

function parse<T>(setting: string, path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const message = `Cannot use ${setting}: ${path} holds no valid PEM (${messageOf(cause)})`;
    throw new TrunklineError("certificate_invalid", message, { cause });
  }
}
