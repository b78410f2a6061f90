/** `trunkline tunnels`: the tunnels that are registered at a hub, as a table or as JSON. */
import { TrunklineError } from "../core/errors.ts";
import { isJsonObject, type JsonObject } from "../wire/error_payload.ts";
import { approximateSize, grouped, shortTime } from "./figures.ts";
import { expectSuccess } from "./hub_answer.ts";
import { HubClient } from "./hub_client.ts";
import { type ConnectionArguments, readHubTarget } from "./hub_target.ts";
import { type CommandIo, ExitCode } from "./io.ts";
import { printable } from "../core/printable.ts";
import { formatTable } from "./table.ts";

/** What `tunnels` takes. */
export interface TunnelsOptions extends ConnectionArguments {
  readonly json: boolean;
  readonly quiet: boolean;
}

const COLUMNS = ["name", "url", "local", "agent", "account", "since", "open", "total", "in", "out"] as const;

/** Runs the command. Throws a `TrunklineError` when the hub does not tell. */
export async function runTunnels(options: TunnelsOptions, io: CommandIo): Promise<ExitCode> {
  const target = readHubTarget(options, Deno.env);
  const client = await HubClient.connect(target, { warn: (line) => io.err(line) });
  try {
    const { tunnels, isCut } = await listTunnels(client);
    if (options.json) io.out(JSON.stringify({ tunnels, ...(isCut ? { truncated: true } : {}) }));
    else if (tunnels.length > 0) { for (const line of formatTable(COLUMNS, tunnels.map(row))) io.out(line); }
    else if (!options.quiet) io.err("There is no tunnel");
    if (isCut && !options.quiet) io.err("There are more tunnels than the hub lists at a time");
    return ExitCode.done;
  } finally {
    await client.close();
  }
}

async function listTunnels(client: HubClient): Promise<{ tunnels: JsonObject[]; isCut: boolean }> {
  const what = "list the tunnels";
  const { tunnels, truncated } = expectSuccess(await client.request("system.tunnel.list", {}), what);
  if (Array.isArray(tunnels)) return { tunnels: tunnels.filter(isJsonObject), isCut: truncated === true };
  throw new TrunklineError("request_failed", `Cannot ${what}: the hub's answer holds no list of them`);
}

function row(entry: JsonObject): string[] {
  const { name, url, local, agent, account, createdAt, active, total, bytesIn, bytesOut } = entry;
  const texts = [name, url, local, agent, account, shortTime(createdAt)].map((value) =>
    typeof value === "string" ? printable(value) : ""
  );
  const counts = [active, total].map((value) => typeof value === "number" ? grouped(value) : "");
  const sizes = [bytesIn, bytesOut].map((value) => typeof value === "number" ? approximateSize(value) : "");
  return [...texts, ...counts, ...sizes];
}
