/** An outbox on a socket that takes bytes when told to, with turns that end when told to. */
import type { Channel, SlowConsumerPolicy } from "../../src/core/delivery.ts";
import { systemClock } from "../../src/core/ports.ts";
import type { Encoded } from "../../src/core/transport.ts";
import { ByteQueue } from "../../src/link/byte_queue.ts";
import { Flusher } from "../../src/link/flusher.ts";
import type { Lane } from "../../src/link/lane.ts";
import type { StreamLane } from "../../src/link/lane_scheduler.ts";
import { Outbox, type OutboxSink } from "../../src/link/outbox.ts";
import { OutboxLedger } from "../../src/link/outbox_ledger.ts";

/** A socket that takes bytes when told to. */
export class FakeSink implements OutboxSink {
  readonly writes: Uint8Array[] = [];
  #taken: (() => void)[] = [];

  write(parts: readonly Uint8Array[], onWritten: () => void): boolean {
    this.writes.push(...parts);
    this.#taken.push(onWritten);
    return false;
  }

  /** The oldest write that is under way is done. */
  take(): boolean {
    const taken = this.#taken.shift();
    taken?.();
    return taken !== undefined;
  }

  text(): string {
    return this.writes.map((part) => new TextDecoder().decode(part)).join("");
  }
}

/** Streams whose data is a queue of texts, and whose control is made when it goes out. */
export class FakeStreams extends ByteQueue implements StreamLane {
  readonly #outbox: Outbox;
  /** What goes before everything else at the next flush. */
  control = "";

  constructor(outbox: Outbox) {
    super({ maxBytes: 1e9, messageOverheadBytes: 0 });
    this.#outbox = outbox;
    outbox.attachStreams(this);
  }

  override get bytes(): number {
    return super.bytes + this.control.length;
  }

  push(text: string): "queued" {
    this.offer(encoded(text));
    this.#outbox.wake();
    return "queued";
  }

  takenReads(): readonly Uint8Array[] {
    return [];
  }

  takeControl(parts: Uint8Array[]): number {
    const { parts: control, bytes } = encoded(this.control);
    this.control = "";
    if (bytes > 0) parts.push(...control);
    return bytes;
  }
}

export function encoded(text: string): Encoded {
  const bytes = new TextEncoder().encode(text);
  return { parts: [bytes], bytes: bytes.length };
}

export function channel(slowConsumer: SlowConsumerPolicy, name = "t"): Channel {
  return {
    name,
    slowConsumer,
    gapNotice: (dropped) => ({ encodedFor: () => encoded(`[gap ${name} ${dropped}]`) }),
  };
}

export const CLOSE = channel("close");

export interface Setup {
  readonly laneBytes?: Partial<Record<Exclude<Lane, "data">, number>>;
  readonly socketBytes?: number;
  readonly messageOverheadBytes?: number;
  readonly joinBytes?: number;
  readonly ledger?: OutboxLedger;
}

export function setUp(
  {
    laneBytes = {},
    socketBytes = 1000,
    messageOverheadBytes = 0,
    joinBytes = 64,
    ledger = new OutboxLedger(1e9, systemClock),
  }: Setup = {},
) {
  const turns: (() => void)[] = [];
  const sink = new FakeSink();
  let overflows = 0;
  const flusher = new Flusher(joinBytes, (run) => turns.push(run));
  const dropped = { close: 0, drop_oldest: 0, latest: 0 };
  const outbox = new Outbox({
    kind: "websocket",
    sink,
    owner: {
      overflow: () => overflows++,
      evict: () => {},
      dropped: (policy, messages) => dropped[policy] += messages,
    },
    settings: {
      ledger,
      flusher,
      lanes: {
        control: { maxBytes: laneBytes.control ?? 100, messageOverheadBytes },
        request: { maxBytes: laneBytes.request ?? 100, messageOverheadBytes },
        publish: { maxBytes: laneBytes.publish ?? 100, messageOverheadBytes },
      },
      socketBytes,
    },
  });
  const endTurn = () => turns.splice(0).forEach((run) => run());
  const drain = () => {
    do endTurn(); while (sink.take() || turns.length > 0);
  };
  const streams = new FakeStreams(outbox);
  return {
    outbox,
    sink,
    streams,
    endTurn,
    drain,
    ledger,
    flusher,
    turns,
    dropped,
    overflows: () => overflows,
  };
}
