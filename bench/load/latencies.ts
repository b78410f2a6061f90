/**
 * Takes the latencies of all clients of a load while it is told to.
 */
export class Latencies {
  #values: number[] | null = null;

  add(ms: number): void {
    this.#values?.push(ms);
  }

  begin(): void {
    this.#values = [];
  }

  end(): number[] {
    const values = this.#values ?? [];
    this.#values = null;
    return values;
  }
}
