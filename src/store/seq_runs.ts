/** A list of numbers that mostly follow each other, as those of messages that are trimmed do: kept as runs. */

/** The numbers, in the order in which they came. */
export class SeqRuns {
  /** The first and the last number of each run, one after the other. */
  readonly bounds: number[] = [];

  add(seq: number): void {
    const { bounds } = this;
    if (bounds.length > 0 && bounds[bounds.length - 1] === seq - 1) bounds[bounds.length - 1] = seq;
    else bounds.push(seq, seq);
  }

  *[Symbol.iterator](): Generator<number> {
    const { bounds } = this;
    for (let at = 0; at < bounds.length; at += 2) {
      const [first = 0, last = -1] = [bounds[at], bounds[at + 1]];
      for (let seq = first; seq <= last; seq++) yield seq;
    }
  }
}
