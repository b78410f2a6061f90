/** The numbers of what changes while a hub runs: certificates and the configuration. */
import type { MetricSample } from "../metrics/metric_table.ts";
import type { MetricSource } from "../metrics/metrics.ts";
import type { Reload } from "./reload.ts";
import type { TlsStore } from "./tls_store.ts";

/** Reads them. */
export class LiveMetrics implements MetricSource {
  readonly #stores: readonly TlsStore[];
  readonly #reload: Reload | null;

  constructor(stores: readonly TlsStore[], reload: Reload | null) {
    this.#stores = stores;
    this.#reload = reload;
  }

  *samples(): Iterable<MetricSample> {
    for (const { door, secondsLeft, replacements, failures } of this.#stores) {
      if (secondsLeft !== null) {
        yield { name: "trunkline_certificate_remaining_seconds", labels: { door }, value: secondsLeft };
      }
      const name = "trunkline_certificate_reloads_total";
      yield { name, labels: { door, result: "replaced" }, value: replacements };
      yield { name, labels: { door, result: "failed" }, value: failures };
    }
    const name = "trunkline_config_reloads_total";
    yield { name, labels: { result: "loaded" }, value: this.#reload?.loaded ?? 0 };
    yield { name, labels: { result: "invalid" }, value: this.#reload?.refused ?? 0 };
    yield { name, labels: { result: "partly" }, value: this.#reload?.partly ?? 0 };
  }
}
