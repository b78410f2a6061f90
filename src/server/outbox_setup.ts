/** What the outboxes of all connections share, from a configuration. */
import type { Config } from "../config/schema.ts";
import { Flusher } from "../link/flusher.ts";
import type { LaneBounds } from "../link/lane.ts";
import type { OutboxSettings } from "../link/outbox.ts";
import type { OutboxLedger } from "../link/outbox_ledger.ts";
import type { Tuning } from "./tuning.ts";

/** What a queued message that nobody else waits for takes beside its bytes: about 450 measured. */
const MESSAGE_OVERHEAD_BYTES = 512;

/** The settings of a hub whose outboxes one ledger bounds together. */
export function outboxSettings(
  { hub }: Pick<Config, "hub">,
  { ledger, tuning }: { readonly ledger: OutboxLedger; readonly tuning: Tuning },
): OutboxSettings {
  const { control, request, publish } = hub.outbox;
  return {
    ledger,
    flusher: new Flusher(tuning.joinBytes),
    lanes: { control: laneBounds(control), request: laneBounds(request), publish: laneBounds(publish) },
    socketBytes: tuning.socketBytes,
  };
}

function laneBounds(maxBytes: number): LaneBounds {
  return { maxBytes, messageOverheadBytes: MESSAGE_OVERHEAD_BYTES };
}
