/**
 * The demo: a hub and a small chat page that talks over its relay, both in this process, both gone when it
 * stops.
 */
import type { Config } from "../../src/config/schema.ts";
import { messageOf, TrunklineError } from "../../src/core/errors.ts";
import type { Logger } from "../../src/core/ports.ts";
import { VERSION } from "../../src/core/version.ts";
import { formatListening, HubServer } from "../../src/server/hub_server.ts";

/** What the demo runs with. */
export interface DemoOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** Where the page is served. */
  readonly page: { readonly host: string; readonly port: number };
}

/** A running demo. */
export interface Demo {
  /** What to open in a browser. */
  readonly pageUrl: string;
  /** Where the page's WebSocket goes. */
  readonly relayUrl: string;
  readonly metricsUrl: string | null;
  stop(): Promise<void>;
}

const ASSETS: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  "/": { file: "chat.html", type: "text/html; charset=utf-8" },
  "/chat.js": { file: "chat.js", type: "text/javascript; charset=utf-8" },
  "/chat.css": { file: "chat.css", type: "text/css; charset=utf-8" },
};

/** Starts hub and page. Throws a `TrunklineError` when an address cannot be had; nothing is left running then. */
export async function startDemo({ config, logger, page }: DemoOptions): Promise<Demo> {
  const hub = new HubServer(config, { logger, version: VERSION });
  await hub.start();
  try {
    const urls = urlsOf(hub, config);
    const server = servePage(page, urls.relayUrl);
    const stop = async () => {
      await server.shutdown();
      await hub.stop();
    };
    return { pageUrl: `http://${server.addr.hostname}:${server.addr.port}/`, ...urls, stop };
  } catch (error) {
    await hub.stop();
    throw error;
  }
}

function urlsOf(hub: HubServer, config: Config): { relayUrl: string; metricsUrl: string | null } {
  const listening = hub.addresses();
  const relay = listening.find(({ name }) => name === "hub");
  const metrics = listening.find(({ name }) => name === "metrics");
  if (relay === undefined || !config.relay.enabled) {
    throw new TrunklineError(
      "start_failed",
      "Cannot run the demo: the relay is off; set relay.enabled to true",
    );
  }
  return {
    relayUrl: `${formatListening(relay)}${config.relay.paths[0] ?? ""}`,
    metricsUrl: metrics === undefined ? null : `${formatListening(metrics)}${config.metrics.path}`,
  };
}

function servePage({ host, port }: DemoOptions["page"], relayUrl: string): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ hostname: host, port, onListen: () => {} }, (request) => respond(request, relayUrl));
  } catch (cause) {
    const message = `Cannot serve the demo page on ${host}:${port}: ${
      messageOf(cause)
    }; choose another with --port`;
    throw new TrunklineError("address_in_use", message, { cause });
  }
}

async function respond(request: Request, relayUrl: string): Promise<Response> {
  const asset = ASSETS[new URL(request.url).pathname];
  if (asset === undefined) return new Response("Not found\n", { status: 404 });
  const text = await Deno.readTextFile(new URL(asset.file, import.meta.url));
  return new Response(text.replace("%RELAY_URL%", relayUrl), {
    headers: {
      "Content-Type": asset.type,
      "Cache-Control": "no-store",
      "Content-Security-Policy": `default-src 'self'; connect-src ${new URL(relayUrl).origin}`,
    },
  });
}
