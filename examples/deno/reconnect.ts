/**
 * Keeps a program connected: comes back when the hub goes away, as the hub says or after a growing, random delay, and
 * gives up where only a person can help.
 */
// deno-lint-ignore-file no-console -- it tells the person at the shell
import type { HubError } from "./text_message.ts";

const MAX_DELAY_MS = 15_000;
/** Login refused, no right to be here: only a person can change that. */
const FINAL_CODES = [4401, 4403];

/** How a connection ended. */
export interface End {
  /** Whether the hub took the subscription before. */
  readonly wasSubscribed: boolean;
  /** What the hub answered when it refused the subscription. */
  readonly refusal: HubError | null;
  readonly code: number;
  readonly reason: string;
}

/** Connects, by what `listen` does until the connection ends, until there is no sense in it; gives the reason. */
export async function keepConnected(url: string, listen: () => Promise<End>): Promise<string> {
  let wasEverSubscribed = false;
  for (let attempts = 0;; attempts++) {
    const end = await listen();
    if (end.refusal !== null) return `${end.refusal.code}: ${end.refusal.message}`;
    const how = `${end.code} ${end.reason}`.trim();
    if (FINAL_CODES.includes(end.code)) return `The hub closed the connection: ${how}`;
    wasEverSubscribed ||= end.wasSubscribed;
    if (!wasEverSubscribed) return `Cannot talk to the hub at ${url}: ${how}`;
    if (end.wasSubscribed) attempts = 0;
    const delayMs = delayOf(end, attempts);
    console.error(`Lost the connection: ${how}; trying again in ${Math.ceil(delayMs / 1000)} s`);
    await new Promise((passed) => setTimeout(passed, delayMs));
  }
}

/** The hub may say when to come back; otherwise the delay grows, and is random so that not all come at once. */
function delayOf({ code, reason }: End, attempts: number): number {
  const named = /\bretry=(\d+)$/.exec(reason)?.[1];
  if (named !== undefined) return Number(named);
  // 44xx: it would end the same way at once.
  if (code >= 4400 && code < 4450) return MAX_DELAY_MS;
  return Math.random() * Math.min(MAX_DELAY_MS, 500 * 2 ** attempts);
}
