/** A connection on which published messages come, for as long as somebody listens. */
import type { TextMessage } from "../wire/text_message.ts";
import { HeldMessages } from "./held_messages.ts";
import { HubClient } from "./hub_client.ts";
import type { HubTarget } from "./hub_target.ts";
import type { CommandIo, ExitCode } from "./io.ts";

/** For so long the end of a connection may be put off. */
const LEAVE_MS = 1000;

/** What a subscriber is. */
export interface Subscriber {
  readonly io: CommandIo;
  /** Resolves when a signal asks for the end. */
  readonly stopped: Promise<ExitCode>;
  /** Gets what comes, in order. A throw ends the connection. */
  readonly take: (message: TextMessage) => void;
  /** Subscribes; resolves when it is done with the connection. */
  readonly run: (client: HubClient, messages: HeldMessages) => Promise<ExitCode>;
  /** Called while the connection may still be used, whatever ends it; waited for a moment. */
  readonly leave?: () => Promise<void>;
}

/** Connects once. Rejects with how the connection was lost, or with what {@link Subscriber.take} threw. */
export async function subscribeOnce(
  target: HubTarget,
  { io, stopped, take, run, leave }: Subscriber,
): Promise<ExitCode> {
  const failed = Promise.withResolvers<never>();
  const messages = new HeldMessages((message) => {
    try {
      take(message);
    } catch (error) {
      failed.reject(error);
    }
  });
  const onPublish = (message: TextMessage) => messages.take(message);
  const client = await Promise.race([
    stopped,
    HubClient.connect(target, { warn: (line) => io.err(line), onPublish }),
  ]);
  if (!(client instanceof HubClient)) return client;
  const lost = client.ended.then((error) => Promise.reject(error));
  try {
    return await Promise.race([stopped, lost, failed.promise, run(client, messages)]);
  } finally {
    if (leave !== undefined) await waitShortly(Promise.race([leave(), lost.catch(() => {})]));
    await client.close();
  }
}

async function waitShortly(leaving: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, LEAVE_MS);
  await Promise.race([leaving, late.promise]).finally(() => clearTimeout(timer));
}
