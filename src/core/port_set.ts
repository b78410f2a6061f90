/**
 * A set of ports made of ranges. Whether it holds a port takes a few comparisons, whatever the number of ranges.
 */
import type { PortRange } from "./port_range.ts";

/** Ports; grows only. */
export class PortSet {
  readonly #added: PortRange[] = [];
  /** The same in order, without overlaps; `null` until somebody asks after a range was added. */
  #sorted: readonly PortRange[] | null = null;

  add(range: PortRange): void {
    this.#added.push(range);
    this.#sorted = null;
  }

  has(port: number): boolean {
    const ranges = this.#sorted ??= merged(this.#added);
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const range = ranges[middle];
      if (range === undefined || range.first > port) high = middle;
      else if (range.last < port) low = middle + 1;
      else return true;
    }
    return false;
  }
}

function merged(ranges: readonly PortRange[]): PortRange[] {
  const result: PortRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.first - b.first)) {
    const last = result.at(-1);
    if (last === undefined || last.last < range.first) result.push(range);
    else if (last.last < range.last) result.splice(-1, 1, { first: last.first, last: range.last });
  }
  return result;
}
