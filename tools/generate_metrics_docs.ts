/**
 * Renders docs/metrics.md from the table of metrics, so that the reference cannot say anything else than what is
 * exposed. Run by `deno run --allow-write=docs tools/generate_metrics_docs.ts`; a test compares the committed file.
 */

import { listEdgeMetrics } from "../src/metrics/edge_metric_table.ts";
import { listMetrics, type NamedMetric } from "../src/metrics/metric_table.ts";

const intro = `# Metrics

Made by \`tools/generate_metrics_docs.ts\` from \`src/metrics/metric_table.ts\`; change it there.

Served in the Prometheus text format on \`metrics.listen\` under \`metrics.path\` (default
<http://127.0.0.1:9090/metrics>), next to \`/healthz\` (200 while the process lives) and \`/readyz\` (200 when it can
serve, 503 when it cannot). Counters begin at zero with the process. A metric whose labels are all closed shows every
one of its series from the start, any other series appears when something is counted in it.

`;

const agentIntro = `
## Agents

\`trunkline agent\` serves its own on \`metrics.listen\` (default <http://127.0.0.1:9091/metrics>), next to
\`/healthz\`: 200 while it is connected to its hub, else 503, with where each tunnel stands.

`;

/** The Markdown reference of all metrics. */
export function renderMetricsDocs(metrics: readonly NamedMetric[]): string {
  return `${intro}${tableOf(metrics)}${agentIntro}${tableOf(listEdgeMetrics())}`;
}

function tableOf(metrics: readonly NamedMetric[]): string {
  const rows = metrics.map((metric) =>
    `| \`${metric.name}\` | ${metric.type} | ${labelsCell(metric)} | ${helpCell(metric)} |`
  );
  return `| name | type | labels | meaning |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
}

function labelsCell(metric: NamedMetric): string {
  const labels = Object.entries(metric.labels ?? {}).map(([name, values]) =>
    typeof values === "string"
      ? `\`${name}\`: ${values}`
      : `\`${name}\`: ${values.map((value) => `\`${value}\``).join(", ")}`
  );
  return labels.join("<br>");
}

function helpCell(metric: NamedMetric): string {
  return metric.buckets === undefined
    ? metric.help
    : `${metric.help}; buckets up to ${metric.buckets.join(", ")}`;
}

if (import.meta.main) {
  Deno.writeTextFileSync(new URL("../docs/metrics.md", import.meta.url), renderMetricsDocs(listMetrics()));
}
