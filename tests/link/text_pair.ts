/** A text transport on one end of a real connection, a client on the other. */
import { TextTransport } from "../../src/link/text_transport.ts";
import type { TransportOptions } from "../../src/link/socket_transport.ts";
import { TextClient } from "../helpers/text_client.ts";
import { connectPair, type Pair, type Setup } from "./pair.ts";

/** A new connection whose server's end has a transport on it. */
export async function connected(
  setup: Setup<TextTransport> = {},
): Promise<Pair<TextTransport, TextClient>> {
  const create = (options: TransportOptions) => new TextTransport(options);
  return await connectPair({ kind: "text", create, connect: TextClient.connect }, setup);
}
