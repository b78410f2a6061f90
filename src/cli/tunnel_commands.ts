/** What the commands take that carry tunnels. */
import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional } from "@optique/core/modifiers";
import { argument, constant, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { connection, tunnelConnection } from "./connection_options.ts";
import { output } from "./output_options.ts";

/** `trunkline agent`. */
export const agent = merge(
  object({
    name: constant("agent"),
    configFile: optional(
      option("-c", "--config-file", string({ metavar: "FILE" }), {
        description:
          message`Configuration file; ${"agent.yaml"} in this folder when there is one. It is read \
again when it changes, and on SIGHUP.`,
      }),
    ),
    set: multiple(
      option("--set", string({ metavar: "KEY=VALUE" }), {
        description:
          message`Override one key, for example ${"hub.url=tls://hub.example:8443"}; may be repeated.`,
      }),
    ),
  }),
  output,
);

/** `trunkline tcp`. */
export const tcp = merge(
  object({
    name: constant("tcp"),
    service: optional(argument(string({ metavar: "[HOST:]PORT" }), {
      description: message`The service to give a port of the hub.`,
    })),
    remotePort: optional(
      option("--remote-port", integer({ metavar: "PORT", min: 1, max: 65535 }), {
        description: message`The port of the hub to ask for; any free one by default.`,
      }),
    ),
    tunnelName: optional(
      option("--name", string({ metavar: "NAME" }), {
        description: message`What the tunnel is called; rights may name it. ${"tcp-PORT"} by default.`,
      }),
    ),
    proxyProtocol: option("--proxy-protocol", {
      description: message`Tell the service who visits it by a PROXY header (version 2).`,
    }),
    local: optional(
      option("--local", string({ metavar: "[HOST:]PORT" }), {
        description: message`The other direction: listen here, on loopback unless a host is given, ...`,
      }),
    ),
    to: optional(
      option("--to", string({ metavar: "AGENT:HOST:PORT" }), {
        description: message`... and lead each connection through this agent to host and port.`,
      }),
    ),
    agentId: optional(
      option("--agent-id", string({ metavar: "ID" }), {
        description: message`What this end is called; by default the machine's name and a random end.`,
      }),
    ),
  }),
  tunnelConnection,
  output,
);

/** `trunkline tunnels`. */
export const tunnels = merge(object({ name: constant("tunnels") }), connection, output);

/** `trunkline http`. */
export const http = merge(
  object({
    name: constant("http"),
    service: argument(string({ metavar: "PORT|URL" }), {
      description: message`The service: a port of this machine, ${"host:port"}, or ${"https://host:port"}.`,
    }),
    subdomain: optional(
      option("--subdomain", string({ metavar: "LABEL" }), {
        description: message`The subdomain of the hub's domain to ask for; a random one by default.`,
      }),
    ),
    hostname: optional(
      option("--hostname", string({ metavar: "HOST" }), {
        description: message`A whole host name to ask for instead, which a right has to cover.`,
      }),
    ),
    hostHeader: optional(
      option("--host-header", string({ metavar: "HOST" }), {
        description: message`What the service is told as its host; by default what the visitor asked for.`,
      }),
    ),
    tunnelName: optional(
      option("--name", string({ metavar: "NAME" }), {
        description: message`What the tunnel is called; the subdomain, or ${"http-PORT"}, by default.`,
      }),
    ),
    localCa: optional(
      option("--local-ca", string({ metavar: "FILE" }), {
        description: message`PEM of the authority that signed the certificate of an https service.`,
      }),
    ),
    localInsecure: option("--local-insecure", {
      description: message`Do not check the certificate of an https service.`,
    }),
    agentId: optional(
      option("--agent-id", string({ metavar: "ID" }), {
        description: message`What this end is called; by default the machine's name and a random end.`,
      }),
    ),
  }),
  tunnelConnection,
  output,
);
