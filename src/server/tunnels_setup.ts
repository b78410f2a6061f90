/** Builds the tunnels of a hub from its configuration. */
import type { Config } from "../config/schema.ts";
import type { Clock, Logger } from "../core/ports.ts";
import type { SecurityEvents } from "../core/security_event.ts";
import { type IpRange, matchesAnyIpRange } from "../core/ip_range.ts";
import type { Admission } from "../hub/admission.ts";
import { ANONYMOUS } from "../core/principal.ts";
import type { QuotaManager } from "../limits/quota_manager.ts";
import type { TunnelOwner, TunnelQuota } from "../tunnel/tunnel_registry.ts";
import type { Resolve } from "../link/resolver.ts";
import { Flusher } from "../link/flusher.ts";
import { Tunnels } from "../tunnel/tunnels.ts";
import type { VisitorAdmission } from "../tunnel/visitor_admission.ts";

/** What tunnels get from the rest of the hub. */
export interface TunnelPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: SecurityEvents;
  readonly admission: VisitorAdmission;
  readonly quotas: QuotaManager;
  /** Finds what spokes want to reach from the hub. @default the system is asked */
  readonly resolve?: Resolve | undefined;
}

/** Makes the tunnels of a hub. */
export function createTunnels(config: Config, { admission, quotas, ...ports }: TunnelPorts): Tunnels {
  const { hub, tunnel, performance } = config;
  const publicListener = config.public;
  return new Tunnels({
    ...ports,
    wallClock: { now: () => Date.now() },
    settings: {
      domain: publicListener.enabled ? publicListener.domain : null,
      ports: tunnel.tcp_ports,
    },
    tcpHost: tunnel.tcp_listen,
    publicHost: publicListener.domain,
    urlOfHost: (host, port) => publicUrl(publicListener, { host, port }),
    leaseMs: tunnel.name_lease,
    keepAliveMs: hub.tcp_keepalive,
    idleMs: tunnel.idle_timeout,
    quota: tunnelQuota(quotas, config.auth.mode === "none"),
    admission,
    flusher: new Flusher(performance.buffers.join),
  });
}

/** Who did not log in has no account, and so no limit of one. */
function tunnelQuota(quotas: QuotaManager, isOpen: boolean): TunnelQuota {
  const payerOf = ({ tenant, account }: TunnelOwner) => ({
    tenant,
    account: isOpen && account === ANONYMOUS.subject ? null : account,
  });
  return {
    refusal: (owner) => quotas.refusal(payerOf(owner), "tunnels"),
    count: (owner, change) => quotas.count(payerOf(owner), "tunnels", change),
  };
}

/** The URL of a host name; the port is left out where browsers put it themselves. */
function publicUrl(
  { tls, listen }: Config["public"],
  { host, port: realPort }: { readonly host: string; readonly port: number | null },
): string {
  const port = realPort ?? listen.port;
  const scheme = tls === null ? "http" : "https";
  const usual = tls === null ? 80 : 443;
  return `${scheme}://${host}${port === usual ? "" : `:${port}`}`;
}

/** Counts visitors with the connections of spokes; those of proxies have no bound of their own. */
export function countingVisitors(
  admission: Admission,
  proxies: readonly IpRange[] = [],
): VisitorAdmission {
  return {
    enter: () => admission.enter(),
    leave: () => admission.leave(),
    enterIp: (ip) => matchesAnyIpRange(proxies, ip) || admission.enterIp(ip),
    leaveIp(ip) {
      if (!matchesAnyIpRange(proxies, ip)) admission.leaveIp(ip);
    },
  };
}
