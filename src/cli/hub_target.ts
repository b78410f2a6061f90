/**
 * Which hub a command dials and how: the URL taken apart, and the files of its options read. Every mistake in them
 * is told before anything is dialled.
 */
import { type HubUrl, type HubUrlFault, parseHubUrl } from "../config/hub_url.ts";
import { TrunklineError } from "../core/errors.ts";
import { type ClientTls, readClientTls } from "../link/client_tls.ts";

/** What a command line says about the hub to dial. */
export interface ConnectionArguments {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  /** Paths of PEM files. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly insecure: boolean;
}

/** A hub to dial. */
export interface HubTarget {
  /** As a person reads it. */
  readonly url: string;
  readonly transport: "websocket" | "text";
  /** An IP address without brackets, or a name. */
  readonly host: string;
  readonly port: number;
  readonly token: string | null;
  /** `null` for plain text. */
  readonly tls: ClientTls | null;
}

/** What is dialled for messages when nothing else is said. */
export const DEFAULT_MESSAGE_URL = "ws://127.0.0.1:8443";

/** A hub as the options name it. */
export interface HubChoice {
  readonly url: HubUrl;
  readonly token: string | null;
  /** `null` for plain text. */
  readonly tls: ClientTls | null;
}

type Environment = Pick<typeof Deno.env, "get">;

/** Reads the options, and `TRUNKLINE_URL` and `TRUNKLINE_TOKEN` where they say nothing. Throws `usage`. */
export function readHubTarget(options: ConnectionArguments, env: Environment): HubTarget {
  const { url, token, tls } = readHubChoice(options, { env, defaultUrl: DEFAULT_MESSAGE_URL });
  const transport = url.scheme === "ws" || url.scheme === "wss" ? "websocket" : "text";
  const { host, port } = url;
  return { url: url.text, transport, host, port, token, tls };
}

/** The same for whatever is spoken to the hub. Throws `usage`. */
export function readHubChoice(
  options: ConnectionArguments,
  { env, defaultUrl }: { readonly env: Environment; readonly defaultUrl: string },
): HubChoice {
  const text = options.url ?? (env.get("TRUNKLINE_URL") || defaultUrl);
  const token = options.token ?? env.get("TRUNKLINE_TOKEN") ?? "";
  const url = parseHubUrl(text);
  if (typeof url === "string") throw usage(urlMistake(text, url));
  if (/[^\x21-\x7e]/.test(token)) {
    throw usage("Cannot send the token: it holds white space or characters that are not ASCII");
  }
  const tls = url.isSecure ? readTlsChoice(options) : refuseTlsOptions(options, text);
  return { url, token: token === "" ? null : token, tls };
}

function urlMistake(text: string, fault: HubUrlFault): string {
  switch (fault) {
    case "scheme":
      return `Cannot dial ${text}: a URL begins with ws://, wss://, tcp:// or tls://`;
    case "credentials":
      return "Cannot dial a URL that holds a user or password; give a token with --token";
    case "rest":
      return `Cannot dial ${text}: only host and port belong there; leave the rest out`;
    case "host":
      return `Cannot dial ${text}: it names no host; give one as ws://hub.example:8443`;
  }
}

function readTlsChoice({ ca, cert, key, insecure }: ConnectionArguments): ClientTls {
  const files = { ca: ca ?? null, cert: cert ?? null, key: key ?? null };
  const names = { ca: "--ca", cert: "--cert", key: "--key" };
  return { ...readClientTls(files, { names, code: "usage" }), verify: !insecure, minVersion: "1.2" };
}

/** Options of TLS that would silently do nothing are a mistake. */
function refuseTlsOptions({ ca, cert, key, insecure }: ConnectionArguments, url: string): null {
  const given = { "--ca": ca, "--cert": cert, "--key": key, "--insecure": insecure || undefined };
  for (const [option, value] of Object.entries(given)) {
    if (value !== undefined) {
      throw usage(`Cannot use ${option} with ${url}: it is not encrypted; give a URL with wss:// or tls://`);
    }
  }
  return null;
}

function usage(message: string): TrunklineError {
  return new TrunklineError("usage", message);
}
