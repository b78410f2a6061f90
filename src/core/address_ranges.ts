/**
 * Values under ranges of IP addresses. Looking an address up takes one step for each length of prefix that occurs,
 * whatever the number of ranges.
 */
import type { IpBytes, IpRange } from "./ip_range.ts";

/** A map from ranges to values. */
export class AddressRanges<V> {
  /** By the number of bytes and the length of the prefix, then by the prefix itself. */
  readonly #byShape = new Map<string, { readonly prefix: number; readonly values: Map<string, V> }>();

  /** The value of a range, made when the range comes up first. */
  getOrAdd({ base, prefix }: IpRange, make: () => V): V {
    const shape = `${base.length}/${prefix}`;
    const group = this.#byShape.get(shape) ?? { prefix, values: new Map<string, V>() };
    this.#byShape.set(shape, group);
    const key = prefixKey(base, prefix);
    const value = group.values.get(key) ?? make();
    group.values.set(key, value);
    return value;
  }

  /** The values of all ranges that an address lies in. */
  *select(address: IpBytes): Generator<V> {
    for (const { prefix, values } of this.#byShape.values()) {
      const value = prefix <= address.length * 8 ? values.get(prefixKey(address, prefix)) : undefined;
      if (value !== undefined) yield value;
    }
  }
}

/** The first bits of an address, the others cleared; no two of different length are the same. */
function prefixKey(address: IpBytes, prefix: number): string {
  return address.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, prefix - index * 8)))).join(
    ".",
  );
}
