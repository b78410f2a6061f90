/**
 * A service as a process that takes requests to `work` and answers none: it says `ready` once it is subscribed, and
 * `holding` when it has as many as its arguments say. They are JSON: `{ port, transport, ca?, count, priority }`.
 */
// deno-lint-ignore-file no-console -- its test reads what it prints
import { BrokerClient } from "./broker_client.ts";

const { port, transport, ca, count, priority } = JSON.parse(Deno.args[0] ?? "");
const hub = { port, url: (path = "/") => `ws://127.0.0.1:${port}${path}` };
await using service = await BrokerClient.connect(hub, transport, { ca });
await service.subscribe("work", { action: "request", priority });
console.log("ready");
await service.take(count);
console.log("holding");
await service.rest();
