/**
 * What the demo serves over HTTP: the chat page, the topics page and the load page with their workers, and the
 * hub's numbers as JSON.
 * Pages may load nothing from elsewhere and connect to nothing but this site and the hub.
 */
import { messageOf, TrunklineError } from "../../src/core/errors.ts";
import { readStats } from "./stats.ts";

/** What the site needs. */
export interface SiteOptions {
  /** Where it is served; port 0 takes any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Where the WebSockets of chat and load page go. */
  readonly relayUrl: string;
  /** Where those of the topics page go, on the same hub; `null`: the broker is off. */
  readonly brokerUrl: string | null;
  /** Where the numbers come from; `null`: there are none. */
  readonly metricsUrl: string | null;
}

const HTML = "text/html; charset=utf-8";
const JAVASCRIPT = "text/javascript; charset=utf-8";
const CSS = "text/css; charset=utf-8";

const ASSETS: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  "/": { file: "chat.html", type: HTML },
  "/chat.js": { file: "chat.js", type: JAVASCRIPT },
  "/chat.css": { file: "chat.css", type: CSS },
  "/site.css": { file: "site.css", type: CSS },
  "/cards.css": { file: "cards.css", type: CSS },
  "/peer.js": { file: "peer.js", type: JAVASCRIPT },
  "/topics": { file: "topics/topics.html", type: HTML },
  "/topics/topics.css": { file: "topics/topics.css", type: CSS },
  "/topics/topics.js": { file: "topics/topics.js", type: JAVASCRIPT },
  "/topics/message_log.js": { file: "topics/message_log.js", type: JAVASCRIPT },
  "/topics/sensors.js": { file: "topics/sensors.js", type: JAVASCRIPT },
  "/topics/group_member.js": { file: "topics/group_member.js", type: JAVASCRIPT },
  // The client that people copy is the one that the demo runs with.
  "/browser/trunkline.js": { file: "../browser/trunkline.js", type: JAVASCRIPT },
  "/load": { file: "load/load.html", type: HTML },
  "/load/load.css": { file: "load/load.css", type: CSS },
  "/load/load.js": { file: "load/load.js", type: JAVASCRIPT },
  "/load/rate_meter.js": { file: "load/rate_meter.js", type: JAVASCRIPT },
  "/load/sparkline.js": { file: "load/sparkline.js", type: JAVASCRIPT },
  "/load/flood_message.js": { file: "load/flood_message.js", type: JAVASCRIPT },
  "/load/flooder.js": { file: "load/flooder.js", type: JAVASCRIPT },
  "/load/reader.js": { file: "load/reader.js", type: JAVASCRIPT },
  "/load/slow_tab.js": { file: "load/slow_tab.js", type: JAVASCRIPT },
};

/** Serves the site. Throws a `TrunklineError` when the address cannot be had. */
export function serveSite(options: SiteOptions): Deno.HttpServer<Deno.NetAddr> {
  const { host, port } = options.listen;
  try {
    return Deno.serve(
      { hostname: host, port, onListen: () => {} },
      (request) => respond(new URL(request.url).pathname, options),
    );
  } catch (cause) {
    const message = `Cannot serve the demo page on ${host}:${port}: ${
      messageOf(cause)
    }; choose another with --port`;
    throw new TrunklineError("address_in_use", message, { cause });
  }
}

function respond(path: string, options: SiteOptions): Promise<Response> | Response {
  if (path === "/stats") return respondStats(options.metricsUrl);
  const asset = ASSETS[path];
  return asset === undefined ? plainText("Not found", 404) : respondAsset(asset, options);
}

async function respondAsset(
  { file, type }: { readonly file: string; readonly type: string },
  { relayUrl, brokerUrl }: SiteOptions,
): Promise<Response> {
  const text = await Deno.readTextFile(new URL(file, import.meta.url));
  const policy = [
    "default-src 'self'",
    `connect-src 'self' ${new URL(relayUrl).origin}`,
    "worker-src 'self'",
    "img-src 'self' data:",
  ];
  const filled = text.replace("%RELAY_URL%", relayUrl).replace("%BROKER_URL%", brokerUrl ?? "");
  return new Response(filled, {
    headers: {
      "Content-Type": type,
      "Cache-Control": "no-store",
      "Content-Security-Policy": policy.join("; "),
      // The slow tab sleeps on shared memory, which browsers give to isolated pages only.
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
    },
  });
}

async function respondStats(metricsUrl: string | null): Promise<Response> {
  if (metricsUrl === null) return plainText("Metrics are off: set metrics.enabled to true", 503);
  try {
    return Response.json(await readStats(metricsUrl), { headers: { "Cache-Control": "no-store" } });
  } catch (error) {
    return plainText(messageOf(error), 503);
  }
}

function plainText(text: string, status: number): Response {
  return new Response(`${text}\n`, { status });
}
