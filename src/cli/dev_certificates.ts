/**
 * Makes certificates for development and tests: a certificate authority of one's own, and server and client
 * certificates that it signs. Everything is ECDSA P-256, nothing is written or read here, and a certificate that
 * comes back is signed by the key of the authority that was given, or nothing comes back.
 */

// The certificate library looks for its metadata when it is loaded, so this stands first.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { messageOf, TrunklineError } from "../core/errors.ts";

/** A certificate and its private key. */
export interface CertificatePair {
  /** X.509 in PEM. */
  readonly certPem: string;
  /** PKCS #8 in PEM, not encrypted. */
  readonly keyPem: string;
}

/** From when until when a certificate is valid. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** What {@link createDevelopmentCertificates} makes. */
export interface DevelopmentCertificates {
  readonly ca: CertificatePair;
  readonly server: CertificatePair;
  readonly client: CertificatePair;
}

/** What to make certificates for. */
export interface DevelopmentCertificateOptions {
  /** Names and IP addresses (v4, v6) of the server. */
  readonly hosts: readonly string[];
  /** Days that server and client certificate are valid, at most as long as the authority. */
  readonly days: number;
  /** Common name of the client, at most 64 characters. @default "trunkline-client" */
  readonly clientName?: string;
  /** An authority to go on with. @default a new one that is valid for ten years */
  readonly ca?: CertificatePair;
}

/** The common name of a client that was given none. */
export const DEFAULT_CLIENT_NAME = "trunkline-client";

const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256" };
const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" };
const msPerDay = 86_400_000;
const authorityDays = 3650;
/** Clocks of machines on one network differ. */
const clockToleranceMs = 5 * 60_000;
/** RFC 5280, appendix A.1: ub-common-name. */
const maxCommonNameLength = 64;

/**
 * Makes an authority (or goes on with the given one), a server certificate and a client certificate.
 *
 * @throws {TrunklineError} `usage` for a host or client name that no certificate can carry, `certificate_invalid`
 * when the given authority cannot sign.
 */
export async function createDevelopmentCertificates(
  { hosts, days, clientName = DEFAULT_CLIENT_NAME, ca: givenCa }: DevelopmentCertificateOptions,
): Promise<DevelopmentCertificates> {
  const ca = givenCa ?? await createCertificateAuthority();
  const caEnds = (await describeCertificate(ca.certPem)).notAfter;
  if (caEnds.getTime() <= Date.now()) {
    const message = `Cannot sign with the CA: it expired at ${caEnds.toISOString()}; make a new one`;
    throw new TrunklineError("certificate_invalid", message);
  }
  const wanted = validForDays(days);
  const notAfter = wanted.notAfter < caEnds ? wanted.notAfter : caEnds;
  const validity = { notBefore: wanted.notBefore, notAfter };
  const server = await issueServerCertificate(ca, { hosts, validity });
  const client = await issueClientCertificate(ca, { name: clientName, validity });
  return { ca, server, client };
}

/** A validity of exactly `days` that began five minutes ago. */
export function validForDays(days: number): Validity {
  const begin = Date.now() - clockToleranceMs;
  return { notBefore: new Date(begin), notAfter: new Date(begin + days * msPerDay) };
}

/** Makes an authority that may sign certificates for ends, not for further authorities. */
export async function createCertificateAuthority(
  options: { readonly validity?: Validity } = {},
): Promise<CertificatePair> {
  const { notBefore, notAfter } = options.validity ?? validForDays(authorityDays);
  const keys = await generateKeys();
  const usages = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    // Trust stores find authorities by name: two of them must not have the same one.
    name: [{ CN: [`Trunkline development CA ${randomSerial().slice(-6)}`] }],
    notBefore,
    notAfter,
    keys,
    signingAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(usages, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return await toPair(certificate, keys.privateKey);
}

/**
 * Makes a certificate for a server.
 *
 * @throws {TrunklineError} `usage` for a host that no certificate can carry, `certificate_invalid` for an authority
 * that cannot sign.
 */
export async function issueServerCertificate(
  ca: CertificatePair,
  { hosts, validity }: { readonly hosts: readonly string[]; readonly validity: Validity },
): Promise<CertificatePair> {
  const names = hosts.map(toSubjectName);
  const [first] = names;
  if (first === undefined) {
    throw new TrunklineError(
      "usage",
      "Cannot make a server certificate: no host was given; name at least one",
    );
  }
  const commonName = first.value.length <= maxCommonNameLength ? first.value : "trunkline-server";
  const usage = x509.ExtendedKeyUsage.serverAuth;
  return await issue(ca, { commonName, names, usage, validity });
}

/**
 * Makes a certificate for a client. Its common name is `name`, its alternative name `urn:trunkline:client:<name>`.
 *
 * @throws {TrunklineError} `usage` for a name that is empty or too long, `certificate_invalid` for an authority that
 * cannot sign.
 */
export async function issueClientCertificate(
  ca: CertificatePair,
  { name, validity }: { readonly name: string; readonly validity: Validity },
): Promise<CertificatePair> {
  if (name.length === 0 || name.length > maxCommonNameLength) {
    const what = `the name has ${name.length} characters`;
    throw new TrunklineError(
      "usage",
      `Cannot make a client certificate: ${what}; give 1 to ${maxCommonNameLength}`,
    );
  }
  const names: SubjectName[] = [{ type: "url", value: `urn:trunkline:client:${encodeURIComponent(name)}` }];
  const usage = x509.ExtendedKeyUsage.clientAuth;
  return await issue(ca, { commonName: name, names, usage, validity });
}

/** What a person wants to know of a certificate. */
export interface CertificateDescription {
  readonly subject: string;
  readonly notAfter: Date;
  /** SHA-256 of the certificate, as `AB:CD:...`. */
  readonly fingerprint: string;
}

/**
 * Reads a certificate.
 *
 * @throws {TrunklineError} `certificate_invalid` when it is none.
 */
export async function describeCertificate(certPem: string): Promise<CertificateDescription> {
  const certificate = parseCertificate(certPem);
  const digest = new Uint8Array(await certificate.getThumbprint("SHA-256"));
  return {
    subject: certificate.subject,
    notAfter: certificate.notAfter,
    fingerprint: [...digest].map((byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join(":"),
  };
}

interface SubjectName {
  readonly type: "dns" | "ip" | "url";
  readonly value: string;
}

interface Leaf {
  readonly commonName: string;
  readonly names: readonly SubjectName[];
  readonly usage: x509.ExtendedKeyUsage;
  readonly validity: Validity;
}

async function issue(
  ca: CertificatePair,
  { commonName, names, usage, validity }: Leaf,
): Promise<CertificatePair> {
  const caCertificate = parseCertificate(ca.certPem);
  const signingKey = await importSigningKey(ca.keyPem);
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: [{ CN: [commonName] }],
    issuer: caCertificate.subjectName,
    ...validity,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage]),
      new x509.SubjectAlternativeNameExtension([...names]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(caCertificate.publicKey),
    ],
  });
  await checkSignedBy(caCertificate, certificate);
  return await toPair(certificate, keys.privateKey);
}

async function checkSignedBy(ca: x509.X509Certificate, leaf: x509.X509Certificate): Promise<void> {
  const fail = (what: string) => {
    throw new TrunklineError("certificate_invalid", `Cannot sign with the CA: ${what}; make a new one`);
  };
  if (ca.getExtension(x509.BasicConstraintsExtension)?.ca !== true) {
    fail("its certificate is not one of a CA");
  }
  const matches = await leaf.verify({ publicKey: ca.publicKey, signatureOnly: true }).catch(() => false);
  if (!matches) fail("its key and its certificate do not belong together");
}

function parseCertificate(certPem: string): x509.X509Certificate {
  try {
    return new x509.X509Certificate(certPem);
  } catch (cause) {
    const message = `Cannot read the certificate: ${messageOf(cause)}; give one in PEM`;
    throw new TrunklineError("certificate_invalid", message, { cause });
  }
}

async function importSigningKey(keyPem: string): Promise<CryptoKey> {
  try {
    const der = x509.PemConverter.decodeFirst(keyPem);
    return await crypto.subtle.importKey("pkcs8", der, keyAlgorithm, false, ["sign"]);
  } catch (cause) {
    const message = `Cannot read the key of the CA: ${
      messageOf(cause)
    }; give an ECDSA P-256 key as PKCS #8 in PEM`;
    throw new TrunklineError("certificate_invalid", message, { cause });
  }
}

async function generateKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
}

async function toPair(certificate: x509.X509Certificate, privateKey: CryptoKey): Promise<CertificatePair> {
  const der = await crypto.subtle.exportKey("pkcs8", privateKey);
  const keyPem = x509.PemConverter.encode(der, x509.PemConverter.PrivateKeyTag);
  return { certPem: `${certificate.toString("pem")}\n`, keyPem: `${keyPem}\n` };
}

/** 127 random bits with the highest of the first byte's set bits fixed, so that it is positive and not shortened. */
function randomSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function toSubjectName(host: string): SubjectName {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  if (isIP(bare) !== 0) return { type: "ip", value: bare };
  const [wildcard, name] = bare.startsWith("*.") ? ["*.", bare.slice(2)] : ["", bare];
  const ascii = domainToASCII(name);
  if (
    ascii.length > 253 ||
    !/^([a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?)(\.[a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?)*$/.test(ascii)
  ) {
    const message = `Cannot make a server certificate for ${
      JSON.stringify(host)
    }: it is neither a host name nor an IP address`;
    throw new TrunklineError("usage", `${message}; give names like hub.example or addresses like 10.0.0.1`);
  }
  return { type: "dns", value: `${wildcard}${ascii}` };
}
