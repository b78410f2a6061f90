/**
 * The fields of a certificate (RFC 5280) that decide whether it is believed and whom it names. They are read from its
 * bytes: texts that list names, as runtimes make them, can be forged by a name that looks like two.
 */
import { DerTag, type DerValue, hexOf, readDer, readDerInside } from "./der.ts";
import { isPlainSignature } from "./fingerprints.ts";

/** What a certificate says. */
export interface CertificateFields {
  /** Its URI names, its DNS names, its common name when there is exactly one. */
  readonly names: readonly string[];
  readonly isAuthority: boolean;
  /** How many authorities may stand between it and a certificate that it vouches for; `null`: any number. */
  readonly pathLength: number | null;
  /** Whether its key may sign (what a client shows); true where nothing is said. */
  readonly maySign: boolean;
  /** Whether its key may sign certificates; true where nothing is said. */
  readonly maySignCertificates: boolean;
  /** What it is for; `null` where nothing is said. */
  readonly purposes: readonly string[] | null;
  /** Whether it can be judged: all that it says is critical is understood. */
  readonly isSupported: boolean;
  /** Whether it is signed in a way that can be forged. */
  readonly isSignatureWeak: boolean;
}

/** Purposes of certificates. */
export const Purpose = { client: "2b06010505070302", any: "551d2500" } as const;

const COMMON_NAME = "550403";
const BASIC_CONSTRAINTS = "551d13";
const KEY_USAGE = "551d0f";
const PURPOSES = "551d25";
const ALTERNATIVE_NAMES = "551d11";
/** Limits of names are not checked here, so whoever has them is refused, critical or not. */
const NAME_CONSTRAINTS = "551d1e";
/** Understood, or of no weight for whom a certificate is believed: key identifiers, policies. */
const HARMLESS: readonly string[] = ["551d0e", "551d23", "551d20"];
/** Signatures with MD2, MD5 and SHA-1, which can be forged; the last four have older names of the same (OIW). */
const WEAK_SIGNATURES: readonly string[] = [
  "2a864886f70d010102",
  "2a864886f70d010104",
  "2a864886f70d010105",
  "2a8648ce3d0401",
  "2b0e030203",
  "2b0e03020f",
  "2b0e03021b",
  "2b0e03021d",
];
/** What all signatures with ECDSA begin with. */
const ECDSA = "2a8648ce3d04";
const DNS_NAME = 0x82;
const URI_NAME = 0x86;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
/** Bits of the usage of a key. */
const DIGITAL_SIGNATURE = 0x80;
const CERTIFICATE_SIGNATURE = 0x04;
const MAX_NAMES = 32;
const MAX_NAME_LENGTH = 1024;

interface Extension {
  readonly isCritical: boolean;
  readonly value: Uint8Array;
}

/** Reads a certificate in DER; `null` when it is none, or says something twice. */
export function readCertificate(der: Uint8Array): CertificateFields | null {
  const outer = readOuter(der);
  if (outer === null) return null;
  const { subject, fields, algorithm } = outer;
  const extensions = readExtensions(fields.find(({ tag }) => tag === EXTENSIONS));
  if (extensions === null) return null;
  const constraints = readConstraints(extensions.get(BASIC_CONSTRAINTS));
  const keyUsage = readKeyUsage(extensions.get(KEY_USAGE));
  const purposes = readPurposes(extensions.get(PURPOSES));
  const alternatives = readAlternatives(extensions.get(ALTERNATIVE_NAMES));
  const commonNames = readCommonNames(subject);
  if (
    constraints === undefined || keyUsage === undefined || purposes === undefined ||
    alternatives === undefined || commonNames === null
  ) return null;
  return {
    ...constraints,
    names: [...alternatives, ...(commonNames.length === 1 ? commonNames : [])].filter(isUsable),
    maySign: keyUsage === null || (keyUsage & DIGITAL_SIGNATURE) !== 0,
    maySignCertificates: keyUsage === null || (keyUsage & CERTIFICATE_SIGNATURE) !== 0,
    purposes,
    isSupported: areSupported(extensions),
    isSignatureWeak: WEAK_SIGNATURES.includes(algorithm),
  };
}

/** Takes a certificate apart. Nothing of it that is not signed may be written in another way. */
function readOuter(
  der: Uint8Array,
): { readonly fields: readonly DerValue[]; readonly subject: DerValue; readonly algorithm: string } | null {
  const [toBeSigned, algorithm, signature, ...more] = readDerInside(der, DerTag.sequence) ?? [];
  const fields = toBeSigned === undefined ? null : readDer(toBeSigned.body);
  if (fields === null || algorithm === undefined || signature === undefined || more.length > 0) return null;
  // version, if there is one; then serialNumber, signature, issuer, validity, subject
  const serialAt = fields[0]?.tag === VERSION ? 1 : 0;
  const [signed, subject] = [fields[serialAt + 1], fields[serialAt + 4]];
  const id = readDer(algorithm.body)?.[0];
  if (signed === undefined || subject === undefined || id === undefined) return null;
  const isSame = signed.tag === algorithm.tag && hexOf(signed.body) === hexOf(algorithm.body);
  if (!isSame || signature.tag !== DerTag.bitString || signature.body[0] !== 0) return null;
  const name = hexOf(id.body);
  const isPlain = !name.startsWith(ECDSA) || isPlainSignature(signature.body.subarray(1));
  return isPlain ? { fields, subject, algorithm: name } : null;
}

function readExtensions(field: DerValue | undefined): Map<string, Extension> | null {
  const extensions = new Map<string, Extension>();
  if (field === undefined) return extensions;
  for (const { body } of readDerInside(field.body, DerTag.sequence) ?? []) {
    const parts = readDer(body) ?? [];
    const [id, second] = parts;
    const value = parts.at(-1);
    if (id?.tag !== DerTag.objectId || value?.tag !== DerTag.octetString) return null;
    const name = hexOf(id.body);
    if (extensions.has(name)) return null;
    const isCritical = second?.tag === DerTag.boolean && second.body[0] !== 0;
    extensions.set(name, { isCritical, value: value.body });
  }
  return extensions.size === 0 ? null : extensions;
}

/** `undefined`: it cannot be read. */
function readConstraints(
  extension: Extension | undefined,
): Pick<CertificateFields, "isAuthority" | "pathLength"> | undefined {
  if (extension === undefined) return { isAuthority: false, pathLength: null };
  const values = readDerInside(extension.value, DerTag.sequence);
  if (values === null) return undefined;
  const flag = values.find(({ tag }) => tag === DerTag.boolean);
  const length = values.find(({ tag }) => tag === DerTag.integer);
  const isAuthority = flag !== undefined && flag.body[0] !== 0;
  if (length === undefined) return { isAuthority, pathLength: null };
  const [first = 0] = length.body;
  // Nobody needs more than 127; what is longer, or negative, is as if none were allowed.
  return { isAuthority, pathLength: length.body.length === 1 && first < 0x80 ? first : 0 };
}

/** The first eight bits; `null`: nothing is said; `undefined`: it cannot be read. */
function readKeyUsage(extension: Extension | undefined): number | null | undefined {
  if (extension === undefined) return null;
  const [bits] = readDer(extension.value) ?? [];
  return bits?.tag === DerTag.bitString ? bits.body[1] ?? 0 : undefined;
}

function readPurposes(extension: Extension | undefined): readonly string[] | null | undefined {
  if (extension === undefined) return null;
  return readDerInside(extension.value, DerTag.sequence)?.map(({ body }) => hexOf(body));
}

/** URI names first, then DNS names. */
function readAlternatives(extension: Extension | undefined): readonly string[] | undefined {
  if (extension === undefined) return [];
  const values = readDerInside(extension.value, DerTag.sequence);
  if (values === null) return undefined;
  const named = (wanted: number) => values.filter(({ tag }) => tag === wanted).map(({ body }) => text(body));
  return [...named(URI_NAME), ...named(DNS_NAME)];
}

function readCommonNames(subject: DerValue): readonly string[] | null {
  const names: string[] = [];
  for (const set of readDer(subject.body) ?? []) {
    for (const attribute of readDer(set.body) ?? []) {
      const [id, value] = readDer(attribute.body) ?? [];
      if (id === undefined || value === undefined) return null;
      if (hexOf(id.body) === COMMON_NAME) names.push(isText(value) ? text(value.body) : "");
    }
  }
  return names;
}

function isText({ tag }: DerValue): boolean {
  return tag === DerTag.utf8String || tag === DerTag.printableString || tag === DerTag.ia5String;
}

/** Empty where it is no UTF-8. */
function text(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return "";
  }
}

function isUsable(name: string, at: number): boolean {
  return at < MAX_NAMES && name !== "" && name.length <= MAX_NAME_LENGTH;
}

function areSupported(extensions: ReadonlyMap<string, Extension>): boolean {
  const known = [BASIC_CONSTRAINTS, KEY_USAGE, PURPOSES, ALTERNATIVE_NAMES, ...HARMLESS];
  return !extensions.has(NAME_CONSTRAINTS) &&
    [...extensions].every(([name, { isCritical }]) => !isCritical || known.includes(name));
}
