/** What the outboxes of all connections share, from a configuration. */
import type { Config } from "../config/schema.ts";
import { Flusher } from "../link/flusher.ts";
import type { LaneBounds } from "../link/lane.ts";
import type { OutboxSettings } from "../link/outbox.ts";
import type { OutboxLedger } from "../link/outbox_ledger.ts";

/** What a queued message that nobody else waits for takes beside its bytes: about 450 measured. */
const MESSAGE_OVERHEAD_BYTES = 512;

/** The settings of a hub whose outboxes one ledger bounds together. */
export function outboxSettings(
  { hub, performance }: Pick<Config, "hub" | "performance">,
  ledger: OutboxLedger,
): OutboxSettings {
  const { control, request, publish } = hub.outbox;
  return {
    ledger,
    flusher: new Flusher(performance.buffers.join),
    lanes: { control: laneBounds(control), request: laneBounds(request), publish: laneBounds(publish) },
    socketBytes: performance.buffers.socket,
  };
}

function laneBounds(maxBytes: number): LaneBounds {
  return { maxBytes, messageOverheadBytes: MESSAGE_OVERHEAD_BYTES };
}
