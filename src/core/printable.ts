/**
 * Text and bytes of others, made safe to print: nothing of it can drive a terminal, end a line or turn the order
 * of what is read around.
 */

/** Controls (C0 but the tab, DEL, C1), line and paragraph separators, and marks that change the direction. */
// deno-lint-ignore no-control-regex
const UNSAFE = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const NAMED = new Map([["\n", "\\n"], ["\r", "\\r"]]);
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text with everything unsafe escaped. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => NAMED.get(character) ?? escaped(character.charCodeAt(0)));
}

/** The bytes as printable text: decoded where they are UTF-8, else with every byte beyond ASCII escaped. */
export function printableBytes(bytes: Uint8Array): string {
  const text = decodeUtf8(bytes);
  if (text !== null) return printable(text);
  const parts = Array.from(
    bytes,
    (byte) => byte < 0x80 ? printable(String.fromCharCode(byte)) : escaped(byte),
  );
  return parts.join("");
}

/** The text that the bytes are; `null` when they are no UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return null;
  }
}

function escaped(code: number): string {
  const hex = code.toString(16);
  return code > 0xff ? `\\u${hex.padStart(4, "0")}` : `\\x${hex.padStart(2, "0")}`;
}
