/** `trunkline services`: the services that are registered at a hub, as a table or as JSON. */
import { TrunklineError } from "../core/errors.ts";
import { isJsonObject, type JsonObject } from "../wire/error_payload.ts";
import { shortTime } from "./figures.ts";
import { expectSuccess } from "./hub_answer.ts";
import { HubClient } from "./hub_client.ts";
import { type ConnectionArguments, readHubTarget } from "./hub_target.ts";
import { type CommandIo, ExitCode } from "./io.ts";
import { printable } from "../core/printable.ts";
import { formatTable } from "./table.ts";

/** What `services` takes. */
export interface ServicesOptions extends ConnectionArguments {
  readonly json: boolean;
  readonly quiet: boolean;
}

const COLUMNS = ["id", "name", "state", "since", "description"] as const;

/** Runs the command. Throws a `TrunklineError` when the hub does not tell. */
export async function runServices(options: ServicesOptions, io: CommandIo): Promise<ExitCode> {
  const target = readHubTarget(options, Deno.env);
  const client = await HubClient.connect(target, { warn: (line) => io.err(line) });
  try {
    const services = await listServices(client);
    if (options.json) io.out(JSON.stringify({ services }));
    else if (services.length > 0) {
      for (const line of formatTable(COLUMNS, services.map(row))) io.out(line);
    } else if (!options.quiet) io.err("No service is registered");
    return ExitCode.done;
  } finally {
    await client.close();
  }
}

async function listServices(client: HubClient): Promise<JsonObject[]> {
  const what = "list the services";
  const { services } = expectSuccess(await client.request("system.service.list", {}), what);
  if (Array.isArray(services)) return services.filter(isJsonObject);
  throw new TrunklineError("request_failed", `Cannot ${what}: the hub's answer holds no list of them`);
}

function row({ id, name, state, connectedAt, description }: JsonObject): string[] {
  return [id, name, state, shortTime(connectedAt), description].map((value) =>
    typeof value === "string" ? printable(value) : ""
  );
}
