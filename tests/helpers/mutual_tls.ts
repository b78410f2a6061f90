/** A hub that looks at client certificates, and clients that knock on it with one. */
import assert from "node:assert/strict";
import { connect, type SecureVersion } from "node:tls";
import { TestCertificates } from "./certificates.ts";
import { TestCertificate } from "./client_certificates.ts";
import { upgradeRequest } from "./raw_client.ts";
import { TestHub } from "./test_hub.ts";

/** The versions of TLS that are spoken. */
export const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;

/** How a client knocks. */
export interface KnockOptions {
  readonly port: number;
  readonly ca: string;
  readonly version?: SecureVersion;
  /** What it shows; left out: nothing. */
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
  /** @default the relay, which asks for a login */
  readonly request?: string;
}

/** Asks for the relay; gives the status of the answer, or `null` when the connection ended without one. */
export async function knock(
  { port, ca, version = "TLSv1.3", client = { cert: "", key: "" }, request = upgradeRequest() }: KnockOptions,
): Promise<number | null> {
  const shown = client.cert === "" ? {} : client;
  const socket = connect({
    port,
    host: "127.0.0.1",
    servername: "localhost",
    ca,
    minVersion: version,
    maxVersion: version,
    ...shown,
  });
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  let answer = "";
  socket.on("secureConnect", () => socket.write(request));
  socket.on("data", (bytes) => {
    answer += bytes.toString("latin1");
    if (answer.includes("\r\n")) resolve(statusOf(answer));
  });
  socket.on("error", () => resolve(null));
  socket.on("close", () => {
    resolve(null);
    close();
  });
  const status = await promise;
  socket.destroy();
  await closed;
  return status;
}

/** The status of an answer over HTTP. */
export function statusOf(answer: string): number {
  const status = /HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1];
  assert.ok(status !== undefined, answer);
  return Number(status);
}

/** Who may come in, by certificate or by token. */
export const TOKEN = "token-beside-a-certificate";

/** What {@link MutualScene} is made of. */
export interface MutualOptions {
  readonly required?: boolean;
  /** Those whose certificates are believed. */
  readonly authorities?: readonly TestCertificate[];
  readonly settings?: readonly string[];
}

/** A hub with logins by certificate and by token, its authority, and what was refused there. */
export class MutualScene implements AsyncDisposable {
  readonly hub: TestHub;
  readonly authority: TestCertificate;
  /** Of the hub. */
  readonly settings: readonly string[];
  readonly #server: TestCertificates;
  readonly #folder: string;

  private constructor(
    hub: TestHub,
    parts: Pick<MutualScene, "authority" | "settings"> & { server: TestCertificates; folder: string },
  ) {
    this.hub = hub;
    this.authority = parts.authority;
    this.settings = parts.settings;
    this.#server = parts.server;
    this.#folder = parts.folder;
  }

  static async start(
    { required = false, authorities, settings = [] }: MutualOptions = {},
  ): Promise<MutualScene> {
    const server = await TestCertificates.create();
    const authority = authorities?.[0] ?? await TestCertificate.authority();
    const folder = await Deno.makeTempDir({ prefix: "trunkline-mutual-" });
    const bundle = (authorities ?? [authority]).map(({ cert }) => cert).join("");
    await Deno.writeTextFile(`${folder}/clients.pem`, bundle);
    const all = [
      ...server.settings,
      `hub.tls.client_ca=${folder}/clients.pem`,
      `hub.tls.require_client_cert=${required}`,
      ...LOGINS,
      ...settings,
    ];
    return new MutualScene(await TestHub.start(all), { authority, server, folder, settings: all });
  }

  /** The authority of the hub's own certificate. */
  get ca(): string {
    return this.#server.ca;
  }

  get caPath(): string {
    return this.#server.caPath;
  }

  /** Certificate and key of the hub, for other servers. */
  get own(): { cert: string; key: string } {
    return { cert: this.#server.cert, key: this.#server.key };
  }

  /** Files for programs, which go with the scene. */
  async write(name: string, text: string): Promise<string> {
    const path = `${this.#folder}/${name}`;
    await Deno.writeTextFile(path, text);
    return path;
  }

  /** See {@link knock}. */
  knock(options: Pick<KnockOptions, "version" | "client" | "request">): Promise<number | null> {
    return knock({ port: this.hub.port, ca: this.ca, ...options });
  }

  /** How many connections ended for their certificate. */
  refused(reason: string): Promise<number> {
    return this.hub.metric(`trunkline_client_certificates_refused_total{reason="${reason}"}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    this.#server[Symbol.dispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

const RIGHTS = { publish: ["#"], subscribe: ["#"], request: ["#"], serve: ["#"], tunnel: ["*"] };

/** Logins of every scene. */
export const LOGINS: readonly string[] = [
  "auth.mode=required",
  `auth.tokens=${JSON.stringify([{ token: TOKEN, subject: "by-token", permissions: RIGHTS }])}`,
  `auth.certificates=${JSON.stringify([{ match: "alice", subject: "alice", permissions: RIGHTS }])}`,
  "shutdown.spread=0s",
  "shutdown.grace=1s",
];
