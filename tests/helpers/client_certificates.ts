/** Certificates of any make, good and bad, for those who verify them. */
// The certificate library looks for its metadata when it is loaded, so this stands first.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { X509Certificate } from "node:crypto";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { name: "ECDSA", hash: "SHA-256" };
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
}

export const CLIENT = x509.ExtendedKeyUsage.clientAuth;
export const SERVER = x509.ExtendedKeyUsage.serverAuth;

/** A certificate and its key. */
export class TestCertificate {
  readonly certificate: x509.X509Certificate;
  readonly keys: CryptoKeyPair;
  readonly cert: string;
  readonly key: string;

  private constructor(certificate: x509.X509Certificate, keys: CryptoKeyPair, key: string) {
    this.certificate = certificate;
    this.keys = keys;
    this.cert = `${certificate.toString("pem")}\n`;
    this.key = key;
  }

  static async make(wish: CertificateWish = {}): Promise<TestCertificate> {
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
    const { by, from = -1, until = 1, serial = randomSerial() } = wish;
    const subject = wish.subject ?? [{ CN: [wish.name ?? "alice"] }];
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial,
      subject,
      issuer: by?.certificate.subject ?? new x509.Name(subject).toString(),
      notBefore: new Date(Date.now() + from * DAY_MS),
      notAfter: new Date(Date.now() + until * DAY_MS),
      publicKey: keys.publicKey,
      signingKey: (by?.keys ?? keys).privateKey,
      signingAlgorithm: SIGNING,
      extensions: extensionsOf(wish),
    });
    const der = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
    return new TestCertificate(
      certificate,
      keys,
      `${x509.PemConverter.encode(der, x509.PemConverter.PrivateKeyTag)}\n`,
    );
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
