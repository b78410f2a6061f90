/** What the streams of one visitor are opened for: the same for all to one tunnel, and written once. */
import { EncodedOpen } from "../wire/frame_payloads.ts";
import type { VisitorSocket } from "./visitor_ports.ts";

/** The streams of one visitor. */
export class VisitorOpens {
  readonly #ends: Pick<VisitorSocket, "peer" | "local">;
  #last: { readonly tunnelId: number; readonly open: EncodedOpen } | null = null;

  constructor(ends: Pick<VisitorSocket, "peer" | "local">) {
    this.#ends = ends;
  }

  /** Of a stream to this tunnel. */
  to(tunnelId: number): EncodedOpen {
    if (this.#last?.tunnelId === tunnelId) return this.#last.open;
    const { peer: src, local: dst } = this.#ends;
    const open = new EncodedOpen({ tunnelId, src, dst });
    this.#last = { tunnelId, open };
    return open;
  }
}
