/**
 * Which hub a command dials and how: the URL taken apart, and the files of its options read. Every mistake in them
 * is told before anything is dialled.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { parseHost } from "../config/units.ts";
import { messageOf, TrunklineError } from "../core/errors.ts";

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

/** How TLS is spoken; the texts are PEM. */
export interface TlsChoice {
  /** The authority to trust instead of those that the runtime knows. */
  readonly ca: string | null;
  /** What to show of oneself. */
  readonly client: { readonly cert: string; readonly key: string } | null;
  /** Whether certificate and host name are checked. */
  readonly verify: boolean;
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
  readonly tls: TlsChoice | null;
}

/** What is dialled for messages when nothing else is said. */
export const DEFAULT_MESSAGE_URL = "ws://127.0.0.1:8443";

const HUB_PORT = 8443;
const SCHEMES = new Map<string, Pick<HubTarget, "transport" | "port"> & { secure: boolean }>([
  ["ws:", { transport: "websocket", secure: false, port: 80 }],
  ["wss:", { transport: "websocket", secure: true, port: 443 }],
  ["tcp:", { transport: "text", secure: false, port: HUB_PORT }],
  ["tls:", { transport: "text", secure: true, port: HUB_PORT }],
]);

/** Reads the options, and `TRUNKLINE_URL` and `TRUNKLINE_TOKEN` where they say nothing. Throws `usage`. */
export function readHubTarget(
  options: ConnectionArguments,
  env: { get(name: string): string | undefined },
): HubTarget {
  const text = options.url ?? (env.get("TRUNKLINE_URL") || DEFAULT_MESSAGE_URL);
  const token = options.token ?? env.get("TRUNKLINE_TOKEN") ?? "";
  // An address as the configuration has it, without its scheme, would be read as a scheme.
  const url = URL.parse(text);
  const scheme = SCHEMES.get(url?.protocol ?? "");
  if (url === null || scheme === undefined) {
    throw usage(`Cannot dial ${text}: a URL begins with ws://, wss://, tcp:// or tls://`);
  }
  checkParts(url, scheme.transport);
  const host = parseHost(url.hostname.replace(/^\[(.*)\]$/, "$1"));
  if (host === null) throw usage(`Cannot dial ${text}: it names no host; give one as ws://hub.example:8443`);
  const { transport, secure } = scheme;
  const port = url.port === "" ? scheme.port : Number(url.port);
  if (/[^\x21-\x7e]/.test(token)) {
    throw usage("Cannot send the token: it holds white space or characters that are not ASCII");
  }
  const tls = secure ? readTlsChoice(options) : refuseTlsOptions(options, text);
  const shown = url.search === "" ? url.href.replace(/\/$/, "") : url.href;
  return { url: shown, transport, host, port, token: token === "" ? null : token, tls };
}

function checkParts({ href, username, password, hash, pathname, search }: URL, transport: string): void {
  if (username !== "" || password !== "") {
    throw usage("Cannot dial a URL that holds a user or password; give a token with --token");
  }
  const hasPath = (pathname !== "" && pathname !== "/") || search !== "";
  if (hash !== "" || (transport === "text" && hasPath)) {
    throw usage(`Cannot dial ${href}: only host and port belong there; leave the rest out`);
  }
}

function readTlsChoice({ ca, cert, key, insecure }: ConnectionArguments): TlsChoice {
  const authority = ca === undefined ? null : readPem("--ca", ca, (pem) => void new X509Certificate(pem));
  if (cert === undefined && key === undefined) return { ca: authority, client: null, verify: !insecure };
  if (cert === undefined || key === undefined) {
    throw usage("Cannot use a client certificate: --cert and --key belong together; give both");
  }
  const client = {
    cert: readPem("--cert", cert, (pem) => void new X509Certificate(pem)),
    key: readPem("--key", key, (pem) => void createPrivateKey(pem)),
  };
  if (!new X509Certificate(client.cert).checkPrivateKey(createPrivateKey(client.key))) {
    throw usage(`Cannot use --key: the key in ${key} does not belong to the certificate in ${cert}`);
  }
  return { ca: authority, client, verify: !insecure };
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

function readPem(option: string, path: string, check: (pem: string) => void): string {
  let pem: string;
  try {
    pem = Deno.readTextFileSync(path);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound ? "the file does not exist" : messageOf(cause);
    throw usage(`Cannot read ${option} from ${path}: ${why}`, cause);
  }
  try {
    check(pem);
    return pem;
  } catch (cause) {
    throw usage(`Cannot use ${option}: ${path} holds no valid PEM (${messageOf(cause)})`, cause);
  }
}

function usage(message: string, cause?: unknown): TrunklineError {
  return new TrunklineError("usage", message, { cause });
}
