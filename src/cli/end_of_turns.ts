/** How the turns of a hub or an agent end in a process of the command line: by the runtime, or by a socket. */
import { SocketTurns } from "../link/socket_turns.ts";

/** What ends them, to be let go of behind who has the turns. */
export interface EndOfTurns extends Disposable {
  /** For whoever is made of them; nothing where the runtime's own end is as good. */
  readonly options: { readonly atEndOfTurn?: (run: () => void) => void };
}

const BY_RUNTIME: EndOfTurns = { options: {}, [Symbol.dispose]: () => {} };

/**
 * Opens it: a socket, unless the runtime looks at the sockets in every turn by itself (`interval`, which is read from
 * the environment), or this process may not connect to itself.
 */
export async function openEndOfTurns(
  interval = Deno.env.get("DENO_TOKIO_EVENT_INTERVAL"),
): Promise<EndOfTurns> {
  if (interval === "1") return BY_RUNTIME;
  const { state } = Deno.permissions.querySync({ name: "net", host: "127.0.0.1" });
  const turns = state === "granted" ? await SocketTurns.open().catch(() => null) : null;
  if (turns === null) return BY_RUNTIME;
  return { options: { atEndOfTurn: turns.atEndOfTurn }, [Symbol.dispose]: () => turns.close() };
}
