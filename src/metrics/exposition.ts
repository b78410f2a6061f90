/**
 * The HTTP address for monitoring: metrics, liveness and readiness. It is made for a loopback or otherwise
 * private address (the server below has no time-outs against slow clients) and answers nothing else.
 */

import { Hono } from "hono";
import { messageOf, TrunklineError } from "../core/errors.ts";
import type { Health } from "./health.ts";
import type { Metrics } from "./metrics.ts";

/** How long running answers may take once the server is told to stop, in milliseconds. */
const stopGraceMs = 1000;

/** What is served, and where. */
export interface ExpositionOptions {
  /** `metrics.listen`; port 0 takes any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** `metrics.path`, beginning with a slash. */
  readonly path: string;
  readonly metrics: Pick<Metrics, "contentType" | "text">;
  readonly health: Pick<Health, "ready">;
  /** What `/healthz` is about. @default it is always 200, as the process answers */
  readonly liveness?: Pick<Health, "ready">;
  /** Told when the metrics could not be rendered; the client gets a 500 without the reason. */
  readonly onError?: (error: unknown) => void;
}

/** A running monitoring server. */
export interface Exposition {
  /** Where it listens. */
  readonly address: { readonly host: string; readonly port: number };
  /** Stops listening and ends. Running answers get a second. */
  stop(): Promise<void>;
}

/** The answers without a listener, for a caller that has one. */
export function createMonitoringApp(options: Omit<ExpositionOptions, "listen">): Hono {
  const { path, metrics, health, liveness, onError } = options;
  const app = new Hono();
  app.get("/healthz", (context) => {
    const life = liveness?.ready() ?? { status: "ok" };
    return context.json(life, life.status === "ok" ? 200 : 503);
  });
  app.get("/readyz", (context) => {
    const readiness = health.ready();
    return context.json(readiness, readiness.status === "ok" ? 200 : 503);
  });
  // The path comes from the configuration: compared as it is, never read as a pattern.
  app.get("*", async (context, next) => {
    if (context.req.path !== path) return await next();
    return context.body(await metrics.text(), 200, { "content-type": metrics.contentType });
  });
  app.notFound((context) => context.text("Not found\n", 404));
  app.onError((error, context) => {
    onError?.(error);
    return context.text("Internal error\n", 500);
  });
  return app;
}

/**
 * Starts the monitoring server.
 *
 * @throws {TrunklineError} `address_in_use`, `permission_missing` or `listen_failed`, each naming `metrics.listen`.
 */
export function startExposition(options: ExpositionOptions): Exposition {
  const { host, port } = options.listen;
  const app = createMonitoringApp(options);
  const abort = new AbortController();
  const server = listen(host, port, () =>
    Deno.serve({
      hostname: host,
      port,
      signal: abort.signal,
      onListen: () => {},
    }, app.fetch));
  return {
    address: { host: server.addr.hostname, port: server.addr.port },
    stop: () => stopServer(server, abort),
  };
}

async function stopServer(server: Deno.HttpServer, abort: AbortController): Promise<void> {
  const timer = setTimeout(() => abort.abort(), stopGraceMs);
  try {
    await server.shutdown();
    await server.finished;
  } finally {
    clearTimeout(timer);
  }
}

function listen<T>(host: string, port: number, start: () => T): T {
  try {
    return start();
  } catch (cause) {
    throw listenError(host, port, cause);
  }
}

function listenError(host: string, port: number, cause: unknown): TrunklineError {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const what = `Cannot listen on ${address} for metrics`;
  const details = { host, port, setting: "metrics.listen" };
  if (cause instanceof Deno.errors.AddrInUse) {
    const next = "end the program that has it, or set metrics.listen to another port";
    return new TrunklineError("address_in_use", `${what}: the port is already in use; ${next}`, {
      cause,
      details,
    });
  }
  if (cause instanceof Deno.errors.NotCapable) {
    const next = `run with --allow-net=${address}, or set metrics.enabled to false`;
    return new TrunklineError("permission_missing", `${what}: the permission is missing; ${next}`, {
      cause,
      details,
    });
  }
  const next = "check metrics.listen";
  return new TrunklineError("listen_failed", `${what}: ${messageOf(cause)}; ${next}`, { cause, details });
}
