/** A client of a load: what it knows of its load goes the short way, the rest is the talk of any client with a hub. */
import { formatSize } from "../config/units.ts";
import { TrunklineError } from "../core/errors.ts";
import { type AnswerError, answerError, expectSuccess, isRefusal } from "./hub_answer.ts";
import { HubClient } from "./hub_client.ts";
import { type LoadEvents, type LoadLink, openLoadLink } from "./bench_link.ts";
import type { LoadContext } from "./bench_load.ts";
import type { TextMessage } from "../wire/text_message.ts";

/** What a client is for. */
export interface LoadClientOptions {
  readonly events: LoadEvents;
  /** Subscribes to the topic for this. */
  readonly subscribe?: { readonly topic: string; readonly action: "publish" | "request" };
  /** Gets what the hub publishes that is not of the load. */
  readonly onPublish?: (message: TextMessage) => void;
  /** Told when the hub does not take something. */
  readonly onRefused?: (refusal: AnswerError) => void;
}

/** One connection. */
export interface LoadClient {
  readonly hub: HubClient;
  readonly link: LoadLink;
}

/** How many dial at a time. */
const DIALLING = 16;

/** Connects, and waits until the hub has let it in. Throws what keeps it from that. */
export async function openLoadClient(
  { target, warn, sizeBytes, onFatal }: LoadContext,
  { events, subscribe, onPublish, onRefused }: LoadClientOptions,
): Promise<LoadClient> {
  const link = await openLoadLink(target, { warn, events });
  const hub = await HubClient.connect(target, {
    warn,
    open: () => Promise.resolve(link),
    ...(onPublish === undefined ? {} : { onPublish }),
    onAnswerRefused: (refusal) => {
      onRefused?.(refusal);
      if (isRefusal(refusal.code)) onFatal(answerError(refusal, "go on"));
    },
  });
  try {
    const [topic, payload, what] = subscribe === undefined
      ? ["system.heartbeat", {}, "talk to the hub"] as const
      : ["system.topic.subscribe", subscribe, `subscribe to ${subscribe.topic}`] as const;
    expectSuccess(await hub.request(topic, payload), what);
    checkSize(sizeBytes, hub.maxPayloadBytes);
    return { hub, link };
  } catch (error) {
    await hub.close();
    throw error;
  }
}

/** Opens so many clients, some at a time. When one cannot, the others are closed before that is thrown. */
export async function openAll(
  count: number,
  open: (index: number) => Promise<LoadClient>,
): Promise<LoadClient[]> {
  const clients: LoadClient[] = [];
  for (let from = 0; from < count; from += DIALLING) {
    const indices = Array.from({ length: Math.min(DIALLING, count - from) }, (_, i) => from + i);
    const opened = await Promise.allSettled(indices.map(open));
    for (const result of opened) if (result.status === "fulfilled") clients.push(result.value);
    const failed = opened.find((result) => result.status === "rejected");
    if (failed === undefined) continue;
    await closeAll(clients);
    throw failed.reason;
  }
  return clients;
}

/** Says goodbye for all. */
export async function closeAll(clients: readonly LoadClient[]): Promise<void> {
  await Promise.all(clients.map(({ hub }) => hub.close()));
}

/** Throws `usage` when the hub takes no payload of this size. */
function checkSize(sizeBytes: number, maxPayloadBytes: number | null): void {
  if (maxPayloadBytes === null || sizeBytes <= maxPayloadBytes) return;
  const [size, limit] = [formatSize(sizeBytes), formatSize(maxPayloadBytes)];
  const next = "lower --size, or raise its broker.max_payload";
  throw new TrunklineError("usage", `Cannot send ${size}: the hub takes ${limit} at most; ${next}`);
}
