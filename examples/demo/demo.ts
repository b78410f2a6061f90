/**
 * The demo: a hub, a small chat page that talks over its relay, a page that publishes and subscribes through its
 * broker, and a page that puts load on it and shows what the hub does; all in this process, all gone when it
 * stops.
 */
import type { Config } from "../../src/config/schema.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import type { Logger } from "../../src/core/ports.ts";
import { VERSION } from "../../src/core/version.ts";
import { HubServer } from "../../src/server/hub_server.ts";
import { formatListening } from "../../src/server/listening_address.ts";
import { serveSite } from "./site.ts";

/** What the demo runs with. */
export interface DemoOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** Where the pages are served. */
  readonly page: { readonly host: string; readonly port: number };
}

/** Where the pages find the parts of the hub. */
interface HubUrls {
  readonly relayUrl: string;
  /** `null` while the broker is off. */
  readonly brokerUrl: string | null;
  readonly metricsUrl: string | null;
}

/** A running demo. */
export interface Demo extends HubUrls {
  /** The chat page. */
  readonly pageUrl: string;
  /** The page of publish and subscribe. */
  readonly topicsUrl: string;
  /** The load page. */
  readonly loadUrl: string;
  stop(): Promise<void>;
}

/** Starts hub and pages. Throws a `TrunklineError` when an address cannot be had; nothing is left running then. */
export async function startDemo({ config, logger, page }: DemoOptions): Promise<Demo> {
  const hub = new HubServer(config, { logger, version: VERSION });
  await hub.start();
  try {
    const urls = urlsOf(hub, config);
    const server = serveSite({ listen: page, ...urls });
    const stop = async () => {
      await server.shutdown();
      await hub.stop();
    };
    const pageUrl = `http://${server.addr.hostname}:${server.addr.port}/`;
    return { pageUrl, topicsUrl: `${pageUrl}topics`, loadUrl: `${pageUrl}load`, ...urls, stop };
  } catch (error) {
    await hub.stop();
    throw error;
  }
}

function urlsOf(hub: HubServer, config: Config): HubUrls {
  const listening = hub.addresses();
  const address = listening.find(({ name }) => name === "hub");
  const metrics = listening.find(({ name }) => name === "metrics");
  if (address === undefined || !config.relay.enabled) {
    throw new TrunklineError(
      "start_failed",
      "Cannot run the demo: the relay is off; set relay.enabled to true",
    );
  }
  const base = formatListening(address);
  return {
    relayUrl: `${base}${config.relay.paths[0] ?? ""}`,
    brokerUrl: config.broker.enabled ? `${base}/` : null,
    metricsUrl: metrics === undefined ? null : `${formatListening(metrics)}${config.metrics.path}`,
  };
}
