/** An egress that lets nobody go anywhere, and remembers who asked. */
import { StreamCode } from "../../src/core/stream_codes.ts";
import type { EgressDesk } from "../../src/hub/cloudbridge_tunnels.ts";

export class ClosedEgress implements EgressDesk {
  asked = 0;

  judge() {
    this.asked++;
    return Promise.resolve({ code: StreamCode.notAllowed, reason: "Closed", detail: "closed" });
  }
}
