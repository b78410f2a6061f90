/** Makes a rate out of a total that only grows: the mean over the last second. */

const WINDOW_MS = 1000;

/** The rate of one total. */
export class RateMeter {
  #points = [];

  /** Takes the total at a moment and gives the rate per second; 0 as long as there is nothing to compare with. */
  add(atMs, total) {
    const last = this.#points.at(-1);
    // A total that fell, or a clock that went back, began anew.
    if (last !== undefined && (total < last.total || atMs <= last.atMs)) this.#points = [];
    this.#points.push({ atMs, total });
    while (this.#points.length > 2 && this.#points[1].atMs <= atMs - WINDOW_MS) this.#points.shift();
    const first = this.#points[0];
    return first.atMs === atMs ? 0 : (total - first.total) * 1000 / (atMs - first.atMs);
  }
}
