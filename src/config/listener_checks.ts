/**
 * Contradictions between the addresses on which the hub listens: plain text that others could read, and two
 * listeners that want the same port.
 */
import { isLoopback } from "../core/ip_range.ts";
import type { KeyPath, Report } from "./problem.ts";
import type { Config } from "./schema.ts";
import { type Address, formatAddress, formatPortRange } from "./units.ts";

/** Whether only this machine reaches the host; of the names, only `localhost`. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || isLoopback(host);
}

/** Reports addresses beyond loopback that speak plain text without having been asked to. */
export function plainBeyondLoopback({ hub }: Config, report: Report): void {
  if (hub.allow_insecure) return;
  hub.listen.forEach(({ address, tls }, at) => {
    if (tls || isLoopbackHost(address.host)) return;
    const next = hub.tls.cert === null
      ? "set hub.tls.cert and hub.tls.key, or hub.allow_insecure: true"
      : "set tls: true here, or hub.allow_insecure: true";
    report(
      ["hub", "listen", at, "address"],
      `Cannot listen on ${
        formatAddress(address)
      } in plain text: it is reachable from other machines; ${next}`,
    );
  });
}

interface Listener {
  readonly path: KeyPath;
  readonly name: string;
  readonly address: Address;
}

/** Reports two listeners on the same port, and listeners among the ports of TCP tunnels. */
export function listenerOverlaps(config: Config, report: Report): void {
  const listeners = enabledListeners(config);
  listeners.forEach((listener, at) => {
    const other = listeners.slice(0, at).find(({ address }) => overlaps(address, listener.address));
    if (other === undefined) return;
    const text = formatAddress(listener.address);
    report(listener.path, `Cannot listen on ${text}: ${other.name} listens there; write another port`);
  });
  const { tcp_listen, tcp_ports } = config.tunnel;
  if (tcp_ports === null) return;
  const taken = listeners.find(({ address: { host, port } }) =>
    port >= tcp_ports.first && port <= tcp_ports.last && sharesHost(host, tcp_listen)
  );
  if (taken === undefined) return;
  const message = `Cannot take the ports ${
    formatPortRange(tcp_ports)
  }: ${taken.name} listens on ${taken.address.port}`;
  report(["tunnel", "tcp_ports"], `${message}; write other ports`);
}

function enabledListeners(config: Config): Listener[] {
  const listeners: Listener[] = config.hub.listen.map(({ address }, at) => ({
    path: ["hub", "listen", at, "address"],
    name: "hub.listen",
    address,
  }));
  for (const name of ["public", "metrics", "dashboard"] as const) {
    if (!config[name].enabled) continue;
    listeners.push({ path: [name, "listen"], name: `${name}.listen`, address: config[name].listen });
  }
  return listeners;
}

function overlaps(a: Address, b: Address): boolean {
  return a.port !== 0 && a.port === b.port && sharesHost(a.host, b.host);
}

function sharesHost(a: string, b: string): boolean {
  const takesAll = (host: string) => host === "0.0.0.0" || host === "::";
  if (a === b || takesAll(a) || takesAll(b)) return true;
  return (a === "localhost" && isLoopback(b)) || (b === "localhost" && isLoopback(a));
}
