/**
 * A small OpenID Connect provider on loopback: discovery and keys. It rotates its keys, goes away and comes back, lets
 * everybody wait, and lies when it is told to.
 */
import { newSigningKey, type SigningKey } from "./jwt.ts";

/** How it answers. */
export type ProviderMode = "up" | "down" | "hanging";

/** A provider. */
export class OpenIdProvider implements AsyncDisposable {
  /** What it signs with, newest first; all of them are published. */
  readonly keys: SigningKey[];
  /** How often it was asked. */
  readonly asked = { discovery: 0, keys: 0 };
  mode: ProviderMode = "up";
  /** What it answers instead of the truth. */
  lies: { discovery?: () => Response; keys?: () => Response } = {};
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #waiting: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #asking: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  constructor(keys: readonly SigningKey[] = [newSigningKey("RS256", "first")]) {
    this.keys = [...keys];
    const listen = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#server = Deno.serve(listen, (request) => this.#answer(new URL(request.url).pathname));
  }

  get issuer(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/realms/test`;
  }

  get keysUrl(): string {
    return `${this.issuer}/keys`;
  }

  /** The key that it signs with now. */
  get key(): SigningKey {
    const key = this.keys[0];
    if (key === undefined) throw new Error("the provider has no keys");
    return key;
  }

  /** Signs with a new key from now on; those from before are not published any more. */
  rotate(keyId: string): SigningKey {
    const key = newSigningKey("ES256", keyId);
    this.keys.splice(0, Infinity, key);
    return key;
  }

  /** Resolves once somebody asks while it is hanging. */
  isAsked(): Promise<void> {
    return this.#asking.promise;
  }

  /** Answers all who wait. */
  release(): void {
    this.mode = "up";
    this.#waiting.resolve();
    this.#waiting = Promise.withResolvers<void>();
    this.#asking = Promise.withResolvers<void>();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    await this.#server.shutdown();
  }

  async #answer(path: string): Promise<Response> {
    const isDiscovery = path === "/realms/test/.well-known/openid-configuration";
    this.asked[isDiscovery ? "discovery" : "keys"]++;
    if (this.mode === "hanging") {
      this.#asking.resolve();
      await this.#waiting.promise;
    }
    if (this.mode === "down") return new Response("out of order", { status: 503 });
    if (isDiscovery) return this.lies.discovery?.() ?? this.discovery();
    if (path !== "/realms/test/keys") return new Response("nothing here", { status: 404 });
    return this.lies.keys?.() ?? Response.json({ keys: this.keys.map(({ jwk }) => jwk) });
  }

  /** The answer of discovery, with some of it changed. */
  discovery(changes: Record<string, unknown> = {}): Response {
    return Response.json({ issuer: this.issuer, jwks_uri: this.keysUrl, ...changes });
  }
}
