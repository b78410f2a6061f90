/** The hub of a soak, as a process of its own: see soak/hub_process.ts. It notices lost agents within a second. */
import { processIo } from "../src/cli/io.ts";
import { HubServer } from "../src/server/hub_server.ts";
import { JoiningServices } from "../tests/helpers/joining_services.ts";
import { testConfig } from "../tests/helpers/test_hub.ts";
import { SILENT } from "./silent_logger.ts";
import { measureUsage } from "./usage.ts";

const SETTINGS = ["metrics.enabled=false", "hub.heartbeat.interval=250ms", "hub.heartbeat.timeout=1s"];

const services = new JoiningServices();
const count = () => ({
  connections: services.links.length,
  streams: services.links.reduce((sum, { streams }) => sum + streams, 0),
});
const hub = new HubServer(testConfig(SETTINGS), {
  logger: SILENT,
  version: "0.0.0-soak",
  frameServices: services,
});
await hub.start();
processIo.out(JSON.stringify({ port: hub.addresses()[0]?.port }));
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
for await (const text of lines) {
  for (const _ of text.matchAll(/\n/g)) processIo.out(JSON.stringify(await measureUsage(count)));
}
await hub.stop();
