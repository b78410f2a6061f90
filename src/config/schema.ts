/**
 * The whole schema of the hub's configuration and the type of what it yields: key names as in the
 * file, durations in milliseconds, sizes in bytes, paths absolute, secrets in clear.
 */
import type { z } from "zod";
import { section } from "./composites.ts";
import { authSchema } from "./schema_auth.ts";
import { detachedContext, type SchemaContext } from "./schema_context.ts";
import { hubSchema, relaySchema, tunnelSchema } from "./schema_hub.ts";
import { limitsSchema, shutdownSchema } from "./schema_limits.ts";
import {
  brokerSchema,
  clusterSchema,
  dashboardSchema,
  loggingSchema,
  metricsSchema,
  performanceSchema,
  publicSchema,
  storageSchema,
  watchSchema,
} from "./schema_services.ts";

/** The schema, reading paths and secrets through the context. */
export function configSchema(context: SchemaContext) {
  return section({
    hub: hubSchema(context).prefault({}).describe("Where spokes connect and how connections are kept"),
    relay: relaySchema().prefault({}).describe("WebSocket rooms: everybody gets what anybody sends"),
    broker: brokerSchema().prefault({}).describe("Messages by topic"),
    public: publicSchema(context).prefault({}).describe("Where visitors of HTTP tunnels come in"),
    tunnel: tunnelSchema().prefault({}).describe("Tunnels to the agents' local services"),
    auth: authSchema(context).prefault({}).describe("Who may connect, and what each may do"),
    limits: limitsSchema().prefault({}).describe("How much each may use"),
    metrics: metricsSchema().prefault({}).describe("Metrics for Prometheus"),
    dashboard: dashboardSchema(context).prefault({}).describe("A page that shows what goes on"),
    logging: loggingSchema(context).prefault({}).describe("Log lines"),
    performance: performanceSchema().prefault({}).describe("Tuning"),
    shutdown: shutdownSchema().prefault({}).describe("How the hub stops"),
    storage: storageSchema(context).prefault({}).describe("Where data is kept"),
    cluster: clusterSchema().prefault({}).describe("Several hubs as one"),
    config: watchSchema().prefault({}).describe("This file itself"),
  });
}

/** The schema of a configuration. */
export type ConfigSchema = ReturnType<typeof configSchema>;

/** A checked configuration with every key filled in. */
export type Config = z.infer<ConfigSchema>;

/** The configuration of a hub that is told nothing. */
export function defaultConfig(): Config {
  return configSchema(detachedContext).parse({});
}
