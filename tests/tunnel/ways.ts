/** The ways in which frames travel to a hub. */
import { TestCertificates } from "../helpers/certificates.ts";
import type { SpokeOptions } from "../helpers/spoke.ts";
import { TestHub } from "../helpers/test_hub.ts";

/** What the hub is set to, and how a spoke gets there. */
export interface Way {
  readonly settings: readonly string[];
  readonly via: Omit<SpokeOptions, "port" | "accept">;
}

/** Defines the same test for each way. */
export function testWays(name: string, run: (way: Way) => Promise<void>): void {
  for (const kind of ["tcp", "tls", "ws", "wss"] as const) {
    Deno.test(`${name} (${kind})`, async () => {
      const inWebSocket = kind === "ws" || kind === "wss";
      if (kind === "tcp" || kind === "ws") return await run({ settings: [], via: { inWebSocket } });
      using certificates = await TestCertificates.create();
      await run({ settings: certificates.settings, via: { inWebSocket, ca: certificates.ca } });
    });
  }
}

/** Tokens of two subjects of one account, and of one of another. */
export const TOKENS = [
  { token: "one-token-of-an-agent", subject: "one", account: "acme", permissions: { admin: true } },
  { token: "two-token-of-an-agent", subject: "two", account: "acme", permissions: { subscribe: ["news.#"] } },
  { token: "other-token-of-an-agent", subject: "other", permissions: { publish: ["news.+"] } },
];
/** A hub that asks for a login. */
export const LOGIN = ["auth.mode=required", `auth.tokens=${JSON.stringify(TOKENS)}`];

/** How many connections of a kind there are. */
export async function connectionsBecome(hub: TestHub, wanted: number): Promise<void> {
  await hub.metricBecomes('trunkline_connections{transport="frames"}', wanted);
}
