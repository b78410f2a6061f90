/** What a soak is. Every file `soak/<name>_soak.ts` exports one as `soak`; soak/run.ts finds and runs it. */

/** How a soak is to be run. */
export interface SoakOptions {
  readonly cycles: number;
  /** What the random numbers begin with: which cut comes when. */
  readonly seed: number;
  /** How much is moved each way, where a soak moves something. */
  readonly sizeBytes: number;
  /** Told how far it is. */
  readonly progress: (line: string) => void;
}

/** What came of it. */
export interface SoakResult {
  /** What is wrong; empty when everything came back to where it was. */
  readonly problems: readonly string[];
  /** For people. */
  readonly lines: readonly string[];
  /** For programs. */
  readonly figures: Readonly<Record<string, unknown>>;
}

/** One soak. */
export interface Soak {
  /** The word that chooses it, as in its file's name. */
  readonly name: string;
  /** What it shows, in one line. */
  readonly about: string;
  run(options: SoakOptions): Promise<SoakResult>;
}

/** Whether a value has the shape of a soak. */
export function isSoak(value: unknown): value is Soak {
  return typeof value === "object" && value !== null &&
    "name" in value && typeof value.name === "string" &&
    "about" in value && typeof value.about === "string" &&
    "run" in value && typeof value.run === "function";
}
