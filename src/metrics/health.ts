/**
 * Whether the program can serve: each part reports itself, and the whole is ready while it runs and every part
 * that reported is up. It only remembers what it was told; it checks nothing and calls nobody.
 */

import type { MetricSample } from "./metric_table.ts";

/** Where the program stands between its start and its end. */
export type HealthPhase = "starting" | "running" | "draining";

/** What one part said of itself. */
export interface ComponentHealth {
  readonly status: "up" | "down";
  /** For people: why it is down, or what it runs on. Shown without login, so no secrets. */
  readonly detail?: string;
}

/** The body of `/readyz`. */
export interface Readiness {
  readonly status: "ok" | "unready";
  readonly phase: HealthPhase;
  readonly components: Readonly<Record<string, ComponentHealth>>;
}

/** The health of one hub or agent. Begins in phase `starting`, which is not ready. */
export class Health {
  readonly #components = new Map<string, ComponentHealth>();
  #phase: HealthPhase = "starting";

  /** The present phase. */
  get phase(): HealthPhase {
    return this.#phase;
  }

  /** Moves to a phase; only `running` can be ready. Says whether anything changed. */
  setPhase(phase: HealthPhase): boolean {
    if (this.#phase === phase) return false;
    this.#phase = phase;
    return true;
  }

  /** Records how a part is doing. Says whether it went up or down by that, or is new. */
  set(component: string, up: boolean, detail?: string): boolean {
    const status = up ? "up" : "down";
    const changed = this.#components.get(component)?.status !== status;
    this.#components.set(component, detail === undefined ? { status } : { status, detail });
    return changed;
  }

  /** Forgets a part that is not used any more. Says whether it was known. */
  remove(component: string): boolean {
    return this.#components.delete(component);
  }

  /** Whether the program can serve now, and each part's own answer. */
  ready(): Readiness {
    const allUp = [...this.#components.values()].every((component) => component.status === "up");
    const status = this.#phase === "running" && allUp ? "ok" : "unready";
    return { status, phase: this.#phase, components: Object.fromEntries(this.#components) };
  }

  /** One series per part. */
  *samples(): Iterable<MetricSample> {
    for (const [component, { status }] of this.#components) {
      yield { name: "trunkline_component_up", labels: { component }, value: status === "up" ? 1 : 0 };
    }
  }
}
