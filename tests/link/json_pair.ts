/** A transport of JSON lines on one end of a real connection, a client on the other. */
import { JsonLinesTransport } from "../../src/link/json_lines_transport.ts";
import type { TransportOptions } from "../../src/link/socket_transport.ts";
import { JsonClient } from "../helpers/json_client.ts";
import { connectPair, type Pair, type Setup } from "./pair.ts";

/** A new connection whose server's end has a transport on it. */
export async function connected(
  setup: Setup<JsonLinesTransport> = {},
): Promise<Pair<JsonLinesTransport, JsonClient>> {
  const create = (options: TransportOptions) => new JsonLinesTransport(options);
  return await connectPair({ kind: "json", create, connect: JsonClient.connect }, setup);
}
