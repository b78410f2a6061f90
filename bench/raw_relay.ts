/** The relay that tunnels are measured beside: two processes that pass bytes on, and know nothing of them. */
import type { LinkCertificates } from "./load/frames_link.ts";
import type { TunnelHop } from "./load/tunnel_hop.ts";
import { LoadProcess } from "./load_process.ts";
import type { PeerTunnel } from "./tunnel_peers.ts";

/** Two processes that pass bytes on, a connection for a connection. */
export async function startRawRelay(
  target: number,
  certificates: LinkCertificates | null,
): Promise<PeerTunnel> {
  const farTask: TunnelHop = { kind: "raw", side: "far", port: target, certificates };
  const far = new LoadProcess("tunnel_hop.ts", farTask);
  const nearTask: TunnelHop = { kind: "raw", side: "near", port: Number(await far.line()), certificates };
  const near = new LoadProcess("tunnel_hop.ts", nearTask);
  return {
    port: Number(await near.line()),
    pids: [near.pid, far.pid],
    [Symbol.asyncDispose]: async () => {
      await near[Symbol.asyncDispose]();
      await far[Symbol.asyncDispose]();
    },
  };
}
