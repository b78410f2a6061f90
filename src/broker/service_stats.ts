/**
 * What services did, by the names that they gave themselves, as plain numbers that the metrics read when they are
 * collected. Names are a peer's, so they are few and short: those beyond the bound, and who has no name, are counted
 * together as `other`. A name makes room for another once nobody has it; what it counted goes to `other`, so that the
 * sums never fall.
 */

/** The most names that are told apart. */
export const MAX_SERVICE_NAMES = 200;
/** The most characters of a name. */
export const MAX_LABEL_CHARACTERS = 64;
/** The name of all others. */
export const OTHER = "other";

/** Counters of all services of one name. */
export class ServiceCounters {
  readonly label: string;
  /** Connections that are registered under this name. */
  connections = 0;
  /** Answers in time. */
  answers = 0;
  /** How long they took together. */
  answerMs = 0;
  /** Requests that were not answered in time. */
  timeouts = 0;
  /** Requests that a service had when it went away. */
  lost = 0;

  constructor(label: string) {
    this.label = label;
  }
}

/** The counters of one hub's services, all tenants together. */
export class ServiceStats {
  /** Those who have no name of their own here. */
  readonly other = new ServiceCounters(OTHER);
  /** The oldest first. */
  readonly #byLabel = new Map<string, ServiceCounters>();

  /** Somebody registered under a name: gives where to count what he does. */
  enter(name: string): ServiceCounters {
    const counters = this.#of(labelOf(name));
    counters.connections++;
    return counters;
  }

  /** Somebody who counted there is gone, or counts somewhere else. */
  leave(counters: ServiceCounters): void {
    counters.connections--;
  }

  /** Under which label somebody of this name is shown. */
  shownAs(name: string): string {
    return this.#byLabel.get(labelOf(name))?.label ?? OTHER;
  }

  /** All counters, `other` among them. */
  *all(): Generator<ServiceCounters> {
    yield this.other;
    yield* this.#byLabel.values();
  }

  #of(label: string): ServiceCounters {
    const known = this.#byLabel.get(label);
    if (known !== undefined) return known;
    if (label === OTHER || this.#byLabel.size >= MAX_SERVICE_NAMES && !this.#makeRoom()) return this.other;
    const counters = new ServiceCounters(label);
    this.#byLabel.set(label, counters);
    return counters;
  }

  #makeRoom(): boolean {
    for (const counters of this.#byLabel.values()) {
      if (counters.connections > 0) continue;
      this.#byLabel.delete(counters.label);
      this.other.answers += counters.answers;
      this.other.answerMs += counters.answerMs;
      this.other.timeouts += counters.timeouts;
      this.other.lost += counters.lost;
      return true;
    }
    return false;
  }
}

/** A name as it is shown: a few characters that mean nothing to whoever reads it. */
function labelOf(name: string): string {
  const label = name.slice(0, MAX_LABEL_CHARACTERS).replaceAll(/[^A-Za-z0-9_.-]/g, "_");
  return label === "" ? OTHER : label;
}
