/** Messages as examples write them: escapes for bytes that a line cannot show, placeholders for what differs. */
import assert from "node:assert/strict";

const ESCAPE_OR_PLACEHOLDER = /\\n|\\\\|\\x[0-9a-f]{2}|<[a-z]+(?::[a-z0-9]+)?>/g;
const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

/** What stands for each placeholder, as a pattern. */
const PLACEHOLDERS: ReadonlyMap<string, string> = new Map([
  ["uuid", UUID],
  ["time", String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`],
  ["number", String.raw`\d+`],
  ["text", '[^"\\\\]*'],
]);

/** One example's messages: what a name stands for once, it stands for everywhere. */
export class ExchangeText {
  readonly #named = new Map<string, string>();

  /** The bytes of a message to send. A name that nothing stands for yet gets a new id. */
  bytesOf(text: string): Uint8Array<ArrayBuffer> {
    const filled = pieces(text, (placeholder) => {
      assert.match(placeholder, /^<uuid(:|>)/, `nothing to send for ${placeholder}`);
      const id = this.#named.get(placeholder) ?? crypto.randomUUID();
      if (isNamed(placeholder)) this.#named.set(placeholder, id);
      return id;
    }, (literal) => literal);
    return Uint8Array.from(filled, (character) => character.charCodeAt(0));
  }

  /** Fails unless the bytes are what the text says. */
  assertMatches(text: string, bytes: Uint8Array): void {
    const open: string[] = [];
    const pattern = pieces(text, (placeholder) => {
      const known = this.#named.get(placeholder);
      if (known !== undefined) return known;
      const [kind = ""] = placeholder.slice(1, -1).split(":");
      const source = PLACEHOLDERS.get(kind) ?? assert.fail(`there is no placeholder ${placeholder}`);
      if (isNamed(placeholder)) open.push(placeholder);
      return isNamed(placeholder) ? `(${source})` : source;
    }, RegExp.escape);
    const found = new RegExp(`^${pattern}$`, "s").exec(
      Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""),
    );
    if (found === null) assert.equal(new TextDecoder().decode(bytes).replaceAll("\n", "\\n"), text);
    assert.ok(found !== null, `these bytes are not ${text}`);
    for (const [index, name] of open.entries()) this.#named.set(name, found[index + 1] ?? "");
  }
}

function isNamed(placeholder: string): boolean {
  return placeholder.includes(":");
}

/** Takes a text apart; of each byte there is one character, as bytes need not be UTF-8. */
function pieces(
  text: string,
  ofPlaceholder: (placeholder: string) => string,
  ofLiteral: (literal: string) => string,
): string {
  let whole = "";
  let at = 0;
  for (const { 0: found, index } of text.matchAll(ESCAPE_OR_PLACEHOLDER)) {
    whole += ofLiteral(byteCharacters(text.slice(at, index)));
    whole += found.startsWith("<") ? ofPlaceholder(found) : ofLiteral(unescaped(found));
    at = index + found.length;
  }
  return whole + ofLiteral(byteCharacters(text.slice(at)));
}

function byteCharacters(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}

function unescaped(escape: string): string {
  if (escape === "\\n") return "\n";
  return escape === "\\\\" ? "\\" : String.fromCharCode(Number.parseInt(escape.slice(2), 16));
}
