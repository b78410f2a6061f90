/**
 * A real hub of two tenants for attacks over the wire, and what attackers do to it: each act gives the code that the
 * hub answers with, so that an attack is data.
 */
import assert from "node:assert/strict";
import { type Clock, systemClock } from "../../../src/core/ports.ts";
import type { HubServerOptions } from "../../../src/server/hub_server_options.ts";
import { createLogging } from "../../../src/server/logging.ts";
import { BrokerClient, type ConnectOptions, type Transport } from "../../broker/broker_client.ts";
import { TestCertificates } from "../../helpers/certificates.ts";
import { JsonClient } from "../../helpers/json_client.ts";
import { type Json, signJwt, signWithSecret } from "../../helpers/jwt.ts";
import { OpenIdProvider } from "../../helpers/openid_provider.ts";
import { RawClient } from "../../helpers/raw_client.ts";
import { TestHub } from "../../helpers/test_hub.ts";

/** One attack: what is done, and the code that it has to be refused with. */
export interface Attack {
  readonly name: string;
  readonly act: (scene: AttackScene) => Promise<string>;
  readonly expected: string;
}

/** The static tokens; each is long enough to be looked for in logs. */
export const TOKENS = {
  reader: "token-of-the-reader-in-red",
  redAdmin: "token-of-the-admin-in-red",
  blue: "token-of-the-service-in-blue",
  operator: "token-of-the-operator-of-the-hub",
} as const;

/** The secret of a hub that believes one. */
export const SECRET = "the-secret-of-tokens-that-no-log-may-hold";

const EVERYTHING = { publish: ["#"], subscribe: ["#", "system.#"], request: ["#"], serve: ["#"] };
const READER = {
  publish: ["a.+", "news.today"],
  subscribe: ["a.+", "news.today"],
  request: ["calc", "blue.ask"],
};

/** Who may log in by a static token. */
export const LISTED = [
  { token: TOKENS.reader, subject: "reader", tenant: "red", permissions: READER },
  { token: TOKENS.redAdmin, subject: "boss", tenant: "red", permissions: { ...EVERYTHING, admin: true } },
  { token: TOKENS.blue, subject: "boss", tenant: "blue", permissions: { ...EVERYTHING, admin: true } },
  {
    token: TOKENS.operator,
    subject: "operator",
    tenant: "default",
    permissions: { ...EVERYTHING, admin: true },
  },
];

/** A user of red in whose claims everything is right. */
export const USER: Json = { sub: "user", tenant_id: "red", roles: ["user"], jti: "first" };

/** How a scene differs from others. */
export interface SceneOptions {
  /** Keys over those of the scene, each `key=value`. */
  readonly set?: readonly string[];
  readonly server?: Partial<HubServerOptions>;
  readonly isEncrypted?: boolean;
  /** What signs the tokens that the hub believes. @default keys */
  readonly believes?: "keys" | "secret";
  /** @default a provider that is up, with one key of RS256 */
  readonly provider?: OpenIdProvider;
  /** @default json */
  readonly logFormat?: "json" | "pretty";
}

/** Time that goes on by itself, and further when a test wants. */
class PushedClock implements Clock {
  #aheadMs = 0;

  now(): number {
    return systemClock.now() + this.#aheadMs;
  }

  pass(ms: number): void {
    this.#aheadMs += ms;
  }
}

/** The hub and its provider. */
export class AttackScene implements AsyncDisposable {
  readonly hub: TestHub;
  readonly provider: OpenIdProvider;
  readonly settings: readonly string[];
  /** `null` where nothing is encrypted. */
  readonly certificates: TestCertificates | null;
  readonly clock: PushedClock;
  /** What the hub logged, at every level. */
  readonly logged: readonly string[];
  readonly believes: "keys" | "secret";
  readonly #minted: string[] = [];

  private constructor(
    hub: TestHub,
    parts: Pick<AttackScene, "provider" | "settings" | "certificates" | "clock" | "logged" | "believes">,
  ) {
    this.hub = hub;
    this.provider = parts.provider;
    this.settings = parts.settings;
    this.certificates = parts.certificates;
    this.clock = parts.clock;
    this.logged = parts.logged;
    this.believes = parts.believes;
  }

  static async start(options: SceneOptions = {}): Promise<AttackScene> {
    const { set = [], server = {}, isEncrypted = false, believes = "keys", logFormat = "json" } = options;
    const { provider = new OpenIdProvider() } = options;
    const certificates = isEncrypted ? await TestCertificates.create() : null;
    const settings = [
      "auth.mode=required",
      "auth.multi_tenant=true",
      `auth.tokens=${JSON.stringify(LISTED)}`,
      ...believes === "keys"
        ? [`auth.oidc.issuer=${provider.issuer}`, "auth.oidc.audience=hub"]
        : [`auth.jwt.secret=${SECRET}`, `auth.jwt.issuer=${provider.issuer}`, "auth.jwt.audience=hub"],
      `auth.permissions=${JSON.stringify({ user: READER })}`,
      "auth.lockout.threshold=1000",
      `broker.topics=${JSON.stringify([{ pattern: "present.#", presence: true }])}`,
      ...certificates?.settings ?? [],
      ...set,
    ];
    const clock = new PushedClock();
    const logged: string[] = [];
    const output = { write: (line: string) => logged.push(line) > 0, close: () => {} };
    const { logger, ...log } = createLogging({ level: "debug", format: logFormat, output });
    const hub = await TestHub.start(settings, { clock, logger, log, ...server });
    return new AttackScene(hub, { provider, settings, certificates, clock, logged, believes });
  }

  /** Lets the rules of the scene hold with some keys changed. */
  async changeRules(set: readonly string[]): Promise<void> {
    const outcome = await this.hub.reload([...this.settings, ...set]);
    assert.equal(outcome.kind, "loaded", JSON.stringify(outcome));
  }

  /** A token that is signed as those that the hub believes. */
  token(changes: Json = {}): string {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: this.provider.issuer, aud: "hub", iat: now, exp: now + 300, ...USER, ...changes };
    const token = this.believes === "keys"
      ? signJwt(claims, this.provider.key)
      : signWithSecret(claims, SECRET);
    this.#minted.push(token);
    return token;
  }

  /** Everything that must stand in no log, metric or answer. */
  get secrets(): readonly string[] {
    const signatures = this.#minted.map((token) => token.slice(token.lastIndexOf(".") + 1));
    return [...Object.values(TOKENS), SECRET, ...this.#minted, ...signatures];
  }

  /** A client that is logged in, or is not. */
  connect(transport: Transport, options: ConnectOptions = {}): Promise<BrokerClient> {
    return BrokerClient.connect(this.hub, transport, { ca: this.certificates?.ca, ...options });
  }

  /** A client of JSON lines that said hello. */
  async greet(header?: string): Promise<JsonClient> {
    const first = header === undefined ? {} : { header: new TextEncoder().encode(header) };
    const client = await JsonClient.connect({ port: this.hub.port, ca: this.certificates?.ca, ...first });
    await client.ask({ type: "hello", version: "1.0" });
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await this.provider[Symbol.asyncDispose]();
    this.certificates?.[Symbol.dispose]();
  }
}

/** Header fields in their order, as an attacker writes them. */
export type Fields = readonly (readonly [string, string])[];

/** A request for a WebSocket whose fields may stand there twice. */
export function knockText(fields: Fields, path = "/relay"): string {
  const all: Fields = [
    ["Host", "127.0.0.1"],
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
    ["Sec-WebSocket-Version", "13"],
    ...fields,
  ];
  return `GET ${path} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

/** Sends bytes to the hub's port and gives the status of the answer, with the close code that follows a 101. */
export async function answerTo(port: number, bytes: string | Uint8Array): Promise<string> {
  using client = await RawClient.connect(port);
  await client.write(bytes);
  const head = await client.readHead().catch(() => "");
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1];
  if (status !== "101") return status ?? "closed";
  return `101 ${await client.readCloseCode()}`;
}

/** Asks for a WebSocket; gives what {@link answerTo} gives. */
export function knock({ hub }: AttackScene, fields: Fields, path = "/relay"): Promise<string> {
  return answerTo(hub.port, knockText(fields, path));
}

/** The field that shows a token. */
export function bearer(token: string): readonly [string, string] {
  return ["Authorization", `Bearer ${token}`];
}

/** The field that shows a token as browsers do. */
export function offered(token: string): readonly [string, string] {
  return ["Sec-WebSocket-Protocol", `trunkline.text.v1, bearer.${base64url(token)}`];
}

/** A text as base64url. */
export function base64url(text: string): string {
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The code of an answer: of the error, or `success`. */
export function outcomeOf(payload: { error?: { code: string }; status?: string }): string {
  return payload.error?.code ?? payload.status ?? "nothing";
}

/** Logs in by message and gives what the hub answers. */
export async function authenticate(client: BrokerClient, payload: Json): Promise<string> {
  return outcomeOf(await client.request("system.authenticate", payload));
}

/** Runs every attack of a table as a step of a test. */
export async function runAttacks(
  t: Deno.TestContext,
  { scene, attacks }: { scene: AttackScene; attacks: readonly Attack[] },
): Promise<void> {
  const names = attacks.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length, "two attacks have the same name");
  for (const { name, act, expected } of attacks) {
    await t.step(name, async () => assert.equal(await act(scene), expected));
  }
}
