/**
 * The system topic about tunnels: `system.tunnel.list`.
 */
import type { Principal } from "../core/principal.ts";
import { type Handlers, listed, on } from "./system_handler.ts";
import { systemPayloads } from "./system_payloads.ts";

/** The tunnels that somebody may see, each as it is told of. */
export type ListTunnels = (principal: Principal) => Iterable<unknown>;

/** Makes the handler. */
export function tunnelTopics({ listTunnels }: { readonly listTunnels: ListTunnels }): Handlers {
  return [[
    "system.tunnel.list",
    on(systemPayloads.nothing, (_, { principal }) => listed("tunnels", listTunnels(principal))),
  ]];
}
