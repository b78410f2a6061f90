/** Hubs of tests that have no tunnels. */
import type { AgentLink } from "../../src/tunnel/frame_services.ts";

/** Refuses the tunnel that an agent asks for. */
export function refuseTunnel({ requestId }: { requestId: string }, link: Pick<AgentLink, "tell">): void {
  link.tell({ requestId, ok: false, code: "unsupported_kind", message: "There are no tunnels here" });
}
