/** A visitor of the public address over HTTP, who says which host it wants wherever the name leads. */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { type IncomingHttpHeaders, request } from "node:http";

/** What to ask for. */
export interface Visit {
  readonly host: string;
  /** @default / */
  readonly path?: string;
  /** @default GET */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** What came back. */
export interface Visited {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
  readonly text: string;
}

/** Visits on a connection of its own; rejects when the response is cut. */
export async function visit(
  port: number,
  { host, path = "/", method = "GET", headers = {}, body }: Visit,
): Promise<Visited> {
  const outgoing = request({
    host: "127.0.0.1",
    port,
    path,
    method,
    headers: { ...headers, host, connection: "close" },
    agent: false,
  });
  outgoing.end(body);
  const [response] = await once(outgoing, "response");
  const parts: Uint8Array[] = [];
  response.on("data", (part: Uint8Array) => parts.push(part));
  await once(response, "end");
  if (!response.complete) throw new Error("the response was cut");
  const whole = Buffer.concat(parts);
  return {
    status: response.statusCode,
    headers: response.headers,
    body: new Uint8Array(whole),
    text: whole.toString(),
  };
}
