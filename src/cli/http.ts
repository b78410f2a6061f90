/** `trunkline http`: gives a local web service a public address, until a signal. */
import type { SeenRequest } from "../agent/agent_streams.ts";
import { parseLocalService } from "../config/local_service.ts";
import { TrunklineError } from "../core/errors.ts";
import { systemClock } from "../core/ports.ts";
import type { CommandIo, ExitCode } from "./io.ts";
import { type PassingOptions, type Purpose, runPassingAgent } from "./passing_agent.ts";
import { quickTunnel } from "./quick_tunnel.ts";
import { RecentRequests, requestLine } from "./recent_requests.ts";

/** What `http` takes. */
export interface HttpOptions extends PassingOptions {
  readonly service: string;
  readonly subdomain?: string | undefined;
  readonly hostname?: string | undefined;
  readonly hostHeader?: string | undefined;
  readonly tunnelName?: string | undefined;
  readonly localCa?: string | undefined;
  readonly localInsecure: boolean;
}

const LABEL = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

/** Runs the command until a signal. Throws a `TrunklineError` when it cannot begin. */
export function runHttp(options: HttpOptions, io: CommandIo): Promise<ExitCode> {
  const recent = new RecentRequests(() => systemClock.now());
  const isShown = io.terminal !== null && !options.json && !options.quiet;
  const isListed = !(isShown && io.isTerminal);
  const onRequest = (seen: SeenRequest) => {
    if (isShown) recent.add(seen);
    if (options.json) io.out(JSON.stringify(eventOf(seen)));
    else if (isListed) io.out(requestLine(seen));
  };
  const purpose: Purpose = {
    tunnels: [tunnelOf(options)],
    more: () => recent.lines(),
    summary: () => recent.summary(),
    ...(options.quiet ? {} : { onRequest: (_tunnel, seen) => onRequest(seen) }),
  };
  return runPassingAgent(options, purpose, io);
}

function tunnelOf(options: HttpOptions) {
  const { service, subdomain, hostname, hostHeader, tunnelName, localCa, localInsecure } = options;
  const local = parseLocalService(service);
  if (local === null) throw usage(serviceMistake(service));
  if (subdomain !== undefined && hostname !== undefined) {
    throw usage("Cannot ask for --subdomain and --hostname; leave one of the two out");
  }
  if (subdomain !== undefined && !LABEL.test(subdomain)) {
    throw usage(`Cannot ask for the subdomain ${JSON.stringify(subdomain)}: it is one label, as app`);
  }
  if (local.scheme !== "https" && (localCa !== undefined || localInsecure)) {
    throw usage(
      "Cannot use --local-ca or --local-insecure: the service is not https; write its URL as https://host:port",
    );
  }
  return quickTunnel({
    name: tunnelName ?? subdomain?.toLowerCase() ?? `http-${local.port}`,
    kind: "http",
    local,
    subdomain: subdomain?.toLowerCase() ?? null,
    hostname: hostname ?? null,
    host_header: hostHeader ?? null,
    ca: localCa ?? null,
    insecure: localInsecure,
  });
}

/** `status` is `null` where the request broke off; `cause` says why there is no response of the service. */
function eventOf({ request: { method, target }, status, cause, ms }: SeenRequest) {
  const why = cause === null ? {} : { cause };
  return { event: "request", method, target, status, ms: Math.round(ms), ...why };
}

function serviceMistake(service: string): string {
  const cannot = `Cannot use ${JSON.stringify(service)}`;
  const url = URL.parse(service);
  if (url !== null && /^https?:$/.test(url.protocol) && url.host !== "" && url.href !== `${url.origin}/`) {
    return `${cannot}: write the URL without a path, user and password, as ${url.origin}`;
  }
  return `${cannot}: write a port from 1 to 65535, host:port, or a URL as http://127.0.0.1:3000`;
}

function usage(message: string): TrunklineError {
  return new TrunklineError("usage", message);
}
