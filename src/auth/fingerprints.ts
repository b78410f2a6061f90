/**
 * The fingerprints by which a certificate can be denied. A fingerprint covers the signature, which nobody signs: whoever
 * has a certificate signed with ECDSA can turn its signature (r, s) into (r, n - s), which is as good, and has another
 * fingerprint without any key. So the fingerprint of that twin counts too. It guarantees that of a certificate that
 * {@link readCertificate} takes there is no third form: its bytes are DER without a choice, and the other signatures
 * that are verified are unique.
 */
import { createHash } from "node:crypto";
import { DerTag, type DerValue, encodeDer, hexOf, readDer, readDerInside } from "./der.ts";

/** The orders of P-256 and P-384. Which one the signature is of does not matter: the wrong twin is nobody's. */
const ORDERS: readonly bigint[] = [
  0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
];

/** The SHA-256 fingerprints of a certificate in DER, as upper-case digits: its own first. */
export function fingerprintsOf(der: Uint8Array): readonly string[] {
  return [der, ...twinsOf(der)].map((one) => createHash("sha256").update(one).digest("hex").toUpperCase());
}

function twinsOf(der: Uint8Array): readonly Uint8Array[] {
  const [toBeSigned, algorithm, signature] = readDerInside(der, DerTag.sequence) ?? [];
  if (toBeSigned === undefined || algorithm === undefined || signature === undefined) return [];
  const [r, s, ...more] = readDerInside(signature.body.subarray(1), DerTag.sequence) ?? [];
  if (!isPositive(r) || !isPositive(s) || more.length > 0) return [];
  const value = BigInt(`0x${hexOf(s.body)}`);
  return ORDERS.filter((order) => value < order).map((order) => {
    const pair = encodeDer(DerTag.sequence, [
      encoded(r),
      encodeDer(DerTag.integer, [bytesOf(order - value)]),
    ]);
    const bits = encodeDer(DerTag.bitString, [new Uint8Array(1), pair]);
    return encodeDer(DerTag.sequence, [encoded(toBeSigned), encoded(algorithm), bits]);
  });
}

/** Whether a signature with ECDSA is in its only form. */
export function isPlainSignature(bits: Uint8Array): boolean {
  const values = readDer(bits);
  const numbers = values?.length === 1 && values[0]?.tag === DerTag.sequence ? readDer(values[0].body) : null;
  return numbers?.length === 2 && numbers.every(isPositive);
}

/** A number above zero, without bytes before it that say nothing. */
function isPositive(value: DerValue | undefined): value is DerValue {
  if (value?.tag !== DerTag.integer) return false;
  const [first = 0, second = 0] = value.body;
  return first < 0x80 && (first !== 0 || second >= 0x80);
}

function encoded({ tag, body }: DerValue): Uint8Array {
  return encodeDer(tag, [body]);
}

function bytesOf(value: bigint): Uint8Array {
  const hex = value.toString(16);
  const digits = hex.padStart(hex.length + (hex.length % 2), "0");
  const bytes = digits.match(/../g)?.map((pair) => Number.parseInt(pair, 16)) ?? [];
  return new Uint8Array((bytes[0] ?? 0) < 0x80 ? bytes : [0, ...bytes]);
}
