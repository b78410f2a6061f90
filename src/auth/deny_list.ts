/** Client certificates that are refused, by SHA-256 fingerprint or serial number. */

/** The list. */
export class DenyList {
  readonly #listed: ReadonlySet<string>;

  /** In hex, with or without colons. */
  constructor(listed: readonly string[]) {
    this.#listed = new Set(listed.map(plainHex));
  }

  /** Whether one of them is listed. */
  hasAny(hex: readonly string[]): boolean {
    return this.#listed.size > 0 && hex.some((one) => this.#listed.has(plainHex(one)));
  }
}

/** Upper-case digits without colons and without zeros before them, so that equal numbers are equal texts. */
function plainHex(hex: string): string {
  return hex.replaceAll(":", "").toUpperCase().replace(/^0+(?=.)/, "");
}
