/**
 * Where a hub listens, as it is told to people and programs.
 */

/** An address that the hub listens on, for people and programs. */
export interface ListeningAddress {
  /** What answers there. */
  readonly name: "hub" | "public" | "metrics";
  readonly host: string;
  readonly port: number;
  readonly encrypted: boolean;
}

/** An address as a URL that can be pasted. */
export function formatListening({ name, host, port, encrypted }: ListeningAddress): string {
  const scheme = name === "hub" ? (encrypted ? "wss" : "ws") : encrypted ? "https" : "http";
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
