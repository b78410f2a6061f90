/** Subscribers that keep what they get, and what routes need beside them. */
import type { Channel, PushResult } from "../../src/core/delivery.ts";
import type { Encoded, OutgoingMessage, TransportKind } from "../../src/core/transport.ts";
import type { Member } from "../../src/broker/tenant_space.ts";
import { LOCAL_OPERATOR, type Principal } from "../../src/core/principal.ts";
import type { EventOrigin } from "../../src/core/security_event.ts";
import { MemoryStore } from "../../src/store/memory_store.ts";
import type { TopicSettings } from "../../src/broker/topic_policies.ts";

/** A subscriber that is as slow, and as full, as a test says. */
export class FakeSubscriber implements Member {
  readonly id: string;
  readonly kind: TransportKind;
  principal: Principal | null = LOCAL_OPERATOR;
  readonly origin: EventOrigin = { address: "127.0.0.1", connectionId: null, who: null };
  heldBytes = 0;
  /** How it was ended. */
  closedWith: { readonly code: number; readonly reason: string } | null = null;
  /** What becomes of messages. */
  result: PushResult = "queued";
  /** What was queued. */
  readonly got: Encoded[] = [];
  hasSpareRoom = true;
  lost = 0;
  /** Called by a test when there is room again. */
  onSpare: (() => void) | null = null;
  /** How often something was handed to it, queued or not. */
  offered = 0;

  constructor(id: string, kind: TransportKind = "websocket") {
    this.id = id;
    this.kind = kind;
  }

  publish(message: OutgoingMessage, _channel: Channel): PushResult {
    this.offered++;
    if (this.result === "queued") this.got.push(message.encodedFor(this.kind));
    return this.result;
  }

  send(message: OutgoingMessage, _lane: "control" | "request"): PushResult {
    this.offered++;
    if (this.result === "queued") this.got.push(message.encodedFor(this.kind));
    return this.result;
  }

  close(code: number, reason: string): void {
    this.closedWith = { code, reason };
  }

  whenSpare(run: () => void): void {
    this.onSpare = run;
  }

  hasRoomFor(): boolean {
    return this.result === "queued";
  }
}

/** Settings that limit nothing. */
export function settingsOf(topic: string, ratePerSecond = 0): TopicSettings {
  return { channel: { name: topic, slowConsumer: "close", gapNotice: null }, ratePerSecond, keep: null };
}

/** A fixed time that a test moves. */
export class FakeClock {
  ms = 0;

  now(): number {
    return this.ms;
  }
}

/** A store of what is kept, with room for all that a test keeps. */
export function memoryStore(): MemoryStore {
  const retained = { maxCount: 1000, maxBytes: 1_000_000 };
  return new MemoryStore({ limits: { retained, history: { maxBytes: 100_000_000 } }, knownFromId: "" });
}
