/** What the streams of one visitor are opened for: the same for all to one tunnel. */
import { SharedOpen } from "../wire/frame_payloads.ts";
import type { VisitorSocket } from "./visitor_ports.ts";

/** The streams of one visitor. */
export class VisitorOpens {
  readonly #ends: Pick<VisitorSocket, "peer" | "local">;
  #last: { readonly tunnelId: number; readonly open: SharedOpen } | null = null;

  constructor(ends: Pick<VisitorSocket, "peer" | "local">) {
    this.#ends = ends;
  }

  /** Of a stream to this tunnel. */
  to(tunnelId: number): SharedOpen {
    if (this.#last?.tunnelId === tunnelId) return this.#last.open;
    const { peer: src, local: dst } = this.#ends;
    const open = new SharedOpen({ tunnelId, src, dst });
    this.#last = { tunnelId, open };
    return open;
  }
}
