/** Certificates of any make, good and bad, for those who verify them. */
// The certificate library looks for its metadata when it is loaded, so this stands first.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { X509Certificate } from "node:crypto";

const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
/** Kinds of keys and how they sign. */
export const KINDS = {
  "P-256": { keys: { name: "ECDSA", namedCurve: "P-256" }, signing: { name: "ECDSA", hash: "SHA-256" } },
  "P-384": { keys: { name: "ECDSA", namedCurve: "P-384" }, signing: { name: "ECDSA", hash: "SHA-384" } },
  "Ed25519": { keys: { name: "Ed25519" }, signing: { name: "Ed25519" } },
  "RSA": {
    keys: { ...RSA, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
    signing: RSA,
  },
  "SHA-1": { keys: { name: "ECDSA", namedCurve: "P-256" }, signing: { name: "ECDSA", hash: "SHA-1" } },
} as const;
/** A kind of key. */
export type Kind = keyof typeof KINDS;
const DAY_MS = 86_400_000;

/** What a certificate is to be; left out: as a good one of a client. */
export interface CertificateWish {
  readonly name?: string;
  /** Who signs it; left out: it signs itself. */
  readonly by?: TestCertificate;
  /** Whether it says that it is one of an authority; `null`: it says nothing. @default false */
  readonly authority?: boolean | null;
  readonly pathLength?: number;
  /** `null`: it says nothing. */
  readonly purposes?: readonly string[] | null;
  readonly keyUsage?: x509.KeyUsageFlags;
  readonly alternatives?: readonly { readonly type: "dns" | "url"; readonly value: string }[];
  /** In days from now. */
  readonly from?: number;
  readonly until?: number;
  readonly further?: readonly x509.Extension[];
  readonly serial?: string;
  readonly subject?: x509.JsonName;
  /** The name of whoever signs it. @default his own */
  readonly issuer?: string;
  /** What kind of key it has. @default "P-256" */
  readonly kind?: Kind;
}

export const CLIENT = x509.ExtendedKeyUsage.clientAuth;
export const SERVER = x509.ExtendedKeyUsage.serverAuth;

/** A certificate and its key. */
export class TestCertificate {
  readonly certificate: x509.X509Certificate;
  readonly keys: CryptoKeyPair;
  readonly cert: string;
  readonly key: string;

  readonly kind: Kind;

  private constructor(
    certificate: x509.X509Certificate,
    { keys, key, kind }: { keys: CryptoKeyPair; key: string; kind: Kind },
  ) {
    this.certificate = certificate;
    this.keys = keys;
    this.kind = kind;
    this.cert = `${certificate.toString("pem")}\n`;
    this.key = key;
  }

  static async make(wish: CertificateWish = {}): Promise<TestCertificate> {
    const { by, from = -1, until = 1, serial = randomSerial(), kind = "P-256" } = wish;
    const keys = await generateKeys(kind);
    const subject = wish.subject ?? [{ CN: [wish.name ?? "alice"] }];
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial,
      subject,
      issuer: wish.issuer ?? by?.certificate.subject ?? new x509.Name(subject).toString(),
      notBefore: new Date(Date.now() + from * DAY_MS),
      notAfter: new Date(Date.now() + until * DAY_MS),
      publicKey: keys.publicKey,
      signingKey: (by?.keys ?? keys).privateKey,
      signingAlgorithm: KINDS[by?.kind ?? kind].signing,
      extensions: extensionsOf(wish),
    });
    const der = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
    const key = `${x509.PemConverter.encode(der, x509.PemConverter.PrivateKeyTag)}\n`;
    return new TestCertificate(certificate, { keys, key, kind });
  }

  /** A certificate of an authority. */
  static authority(wish: CertificateWish = {}): Promise<TestCertificate> {
    return TestCertificate.make({ name: "authority", authority: true, purposes: null, until: 3, ...wish });
  }

  get x509(): X509Certificate {
    return new X509Certificate(this.cert);
  }

  /** What a client shows that is this one, those behind it with it. */
  shownWith(...others: readonly TestCertificate[]): { cert: string; key: string } {
    return { cert: [this, ...others].map(({ cert }) => cert).join(""), key: this.key };
  }
}

async function generateKeys(kind: Kind): Promise<CryptoKeyPair> {
  const keys = await crypto.subtle.generateKey(KINDS[kind].keys, true, ["sign", "verify"]);
  if (!("privateKey" in keys)) throw new TypeError("Cannot make a pair of keys");
  return keys;
}

function extensionsOf(
  { authority = false, pathLength, purposes = [CLIENT], keyUsage, alternatives, further = [] }:
    CertificateWish,
): x509.Extension[] {
  const extensions: x509.Extension[] = [...further];
  if (authority !== null) extensions.push(new x509.BasicConstraintsExtension(authority, pathLength, true));
  if (purposes !== null) extensions.push(new x509.ExtendedKeyUsageExtension([...purposes]));
  if (keyUsage !== undefined) extensions.push(new x509.KeyUsagesExtension(keyUsage, true));
  if (alternatives !== undefined) {
    extensions.push(new x509.SubjectAlternativeNameExtension([...alternatives]));
  }
  return extensions;
}

function randomSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(15));
  return `41${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
