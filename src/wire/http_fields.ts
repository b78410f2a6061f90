/**
 * The fields of an HTTP/1.1 head (RFC 9110, section 5): names as they were written, looked up in lower case, in their
 * order. Bytes are characters of the same number, so that what is no ASCII comes out as it came in.
 */

/** One field. */
export interface HttpField {
  /** As it was written. */
  readonly name: string;
  /** In lower case. */
  readonly key: string;
  readonly value: string;
}

/** The fields of one head. */
export class HttpFields {
  readonly #fields: HttpField[] = [];

  get length(): number {
    return this.#fields.length;
  }

  [Symbol.iterator](): Iterator<HttpField> {
    return this.#fields[Symbol.iterator]();
  }

  add(name: string, value: string): void {
    this.#fields.push({ name, key: name.toLowerCase(), value });
  }

  /** The value of the first field of a name in lower case. */
  get(key: string): string | undefined {
    for (const field of this.#fields) if (field.key === key) return field.value;
    return undefined;
  }

  /** The values of all fields of a name in lower case. */
  all(key: string): string[] {
    const values: string[] = [];
    for (const field of this.#fields) if (field.key === key) values.push(field.value);
    return values;
  }

  /** The elements of a list (RFC 9110, section 5.6.1) over all fields of a name, in lower case; empty ones left out. */
  list(key: string): string[] {
    const elements: string[] = [];
    for (const value of this.all(key)) {
      for (const element of value.split(",")) {
        const trimmed = element.trim().toLowerCase();
        if (trimmed !== "") elements.push(trimmed);
      }
    }
    return elements;
  }
}
