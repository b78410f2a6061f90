/**
 * Renders docs/reload.md from the schemas and the lists of what takes effect without a restart, which the program works
 * by. Run by `deno task generate`; a test compares the committed file.
 */
import { isLive, LIVE_AGENT_SETTINGS, LIVE_HUB_SETTINGS } from "../src/config/live_settings.ts";
import { configSchema } from "../src/config/schema.ts";
import { agentSchema } from "../src/config/schema_agent.ts";
import { detachedContext } from "../src/config/schema_context.ts";
import { listSettings, type Schema } from "../src/config/schema_walk.ts";

const INTRO = `# What changes without a restart

Made by \`tools/generate_reload_docs.ts\` from the schema and \`src/config/live_settings.ts\`; change it there.

A hub reads its configuration again on SIGHUP (not on Windows), by \`system.control.reload\`, and when a file changes
that it is made of (\`config.watch\`): its own, those of secrets, those of keys. An agent does so on SIGHUP and when such
a file changes. All that is marked \`live\` holds from then on, or, where something is wrong, nothing does. What is
marked \`restart\` is named in the log and stays as it was. More on this: [operations.md](operations.md).

Whether TLS is spoken at all is decided at the start: \`hub.tls\` and \`public.tls\` are live while there is a certificate
before and after the change.
`;

/** The Markdown page. */
export function renderReloadDocs(): string {
  const hub = tableOf(configSchema(detachedContext), LIVE_HUB_SETTINGS);
  const agent = tableOf(agentSchema(detachedContext), LIVE_AGENT_SETTINGS);
  return `${INTRO}\n## Hub\n\n${hub}\n## Agents\n\n${agent}`;
}

function tableOf(schema: Schema, live: readonly string[]): string {
  const keys = listSettings(schema).map(({ path }) => path.join("."));
  const cells = keys.map((key) => [`\`${key}\``, isLive(key, live) ? "live" : "restart"] as const);
  const width = Math.max(...cells.map(([key]) => key.length));
  const row = (key: string, when: string) => `| ${key.padEnd(width)} | ${when.padEnd(7)} |\n`;
  const rule = `| ${"-".repeat(width)} | ${"-".repeat(7)} |\n`;
  return row("setting", "change") + rule + cells.map(([key, when]) => row(key, when)).join("");
}

if (import.meta.main) {
  Deno.writeTextFileSync(new URL("../docs/reload.md", import.meta.url), renderReloadDocs());
}
