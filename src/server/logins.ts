/**
 * All about logins of one hub, built from its configuration: the kinds of login and their keys, the service that
 * decides, and the watch over those who are in. The rules can be changed while it runs.
 */
import { type Authenticators, createAuthenticators } from "../auth/create_authenticators.ts";
import { logKeyEvents } from "../auth/key_events.ts";
import {
  isByCertificate,
  type Login as ServiceLogin,
  type LoginOutcome as ServiceOutcome,
  LoginService,
  type RefusalCode,
} from "../auth/login.ts";
import type { LoginGateLimits } from "../auth/login_gate.ts";
import type { Config } from "../config/schema.ts";
import { messageOf, TrunklineError } from "../core/errors.ts";
import type { Clock, Logger } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import type { SecurityEvents } from "../core/security_event.ts";
import type { Connection } from "../hub/connection.ts";
import type { LoginRefusalCode } from "../core/login_refusal.ts";
import type {
  CertificateRequest,
  Login,
  LoginDesk,
  LoginOutcome,
  LoginRequest,
  Reevaluation,
} from "../hub/login.ts";
import { LoginWatch } from "../hub/login_watch.ts";
import { loginOptions } from "./login_setup.ts";

/** What logins work with. */
export interface LoginsParts {
  readonly events: SecurityEvents;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How many logins are looked at at once, and wait for it. */
  readonly gate: LoginGateLimits;
}

/** So long start and change wait for keys; after it tokens that need them are refused until they are there. */
const KEYS_WAIT_MS = 2000;

const MAX_LOGGED_NAMES = 4;

const REFUSALS: Readonly<Record<RefusalCode, { readonly code: LoginRefusalCode; readonly message: string }>> =
  {
    invalid_token: { code: "invalid_token", message: "The token is not accepted" },
    locked_out: { code: "rate_limited", message: "Too many failed logins from there; try again later" },
    tenant_required: { code: "tenant_required", message: "The token names no tenant" },
    invalid_tenant: { code: "invalid_tenant", message: "The token is not of this tenant" },
    server_unavailable: { code: "unavailable", message: "The login cannot be checked now; try again" },
    overloaded: { code: "overloaded", message: "Too many log in at once; try again" },
  };

/** The logins of one hub. */
export class Logins implements LoginDesk {
  readonly watch: LoginWatch<Connection>;
  readonly #parts: LoginsParts;
  readonly #service: LoginService;
  #authenticators: Authenticators;
  /** Ends what is being fetched. */
  #stopping = new AbortController();

  constructor({ auth, hub }: Pick<Config, "auth" | "hub">, parts: LoginsParts) {
    const { events, logger, clock, gate } = parts;
    this.#parts = parts;
    this.#authenticators = this.#createAuthenticators(auth);
    const options = loginOptions(auth, { authenticators: this.#authenticators.list, deny: hub.tls.deny });
    this.#service = new LoginService(options, { events, logger, clock, gate });
    this.watch = new LoginWatch({
      clock,
      wallClock: { now: () => Date.now() },
      timeoutMs: hub.auth_timeout,
      onEnded: ({ origin }, why) => events.record({ ...origin, ...why }),
    });
  }

  /** Loads the keys of tokens. Throws `config_invalid` for a file that cannot be used; nothing else stops the start. */
  async start(): Promise<void> {
    if (this.#stopping.signal.aborted) this.#stopping = new AbortController();
    await loadKeys(this.#authenticators);
  }

  /** Ends what is being fetched: nothing of it may keep the process. */
  stop(): void {
    this.#stopping.abort(new Error("the hub stops"));
  }

  /** Whatever fails is logged and refused: who waits for a login never hears of an error. */
  async login(request: LoginRequest): Promise<LoginOutcome> {
    try {
      return await this.#login(request);
    } catch (error) {
      this.#parts.logger.error("A login failed inside the hub", { error: messageOf(error) });
      return { kind: "refused", ...REFUSALS.server_unavailable, retryAfterMs: null };
    }
  }

  loginByCertificate(
    { certificate, ip: address, connectionId, tenant: claimedTenant }: CertificateRequest,
  ): LoginOutcome | null {
    if (certificate === null) return null;
    const outcome = this.#service.loginByCertificate({ certificate, address, connectionId, claimedTenant });
    if (outcome !== null) return this.#outcome(outcome);
    const { names, fingerprint } = certificate;
    this.#parts.logger.debug("A client certificate is none of auth.certificates", {
      address,
      fingerprint,
      names: names.slice(0, MAX_LOGGED_NAMES),
    });
    return null;
  }

  async #login(request: LoginRequest): Promise<LoginOutcome> {
    const { token, ip: address, connectionId, tenant: claimedTenant, via, certificate, renews, isGone } =
      request;
    const shown = { token, address, connectionId, claimedTenant, via, certificate, isGone };
    if (!(renews instanceof HubLogin)) return this.#outcome(await this.#service.login(shown));
    const outcome = this.#outcome(await this.#service.refresh(renews.login, shown));
    const isExplained = outcome.kind === "refused" && outcome.code === "invalid_token" &&
      isByCertificate(renews.login);
    return isExplained ? { ...outcome, message: keptByCertificate(renews.principal) } : outcome;
  }

  /**
   * Gets other rules ready, and changes nothing. What it gives makes them hold: those who are in go on with the rights
   * that they have then, or are ended; gives how many were. Rejects as the start does, or with what the constructor
   * throws.
   */
  async prepare({ auth, hub }: Pick<Config, "auth" | "hub">): Promise<() => Promise<number>> {
    const authenticators = this.#createAuthenticators(auth, this.#authenticators);
    await loadKeys(authenticators);
    const options = loginOptions(auth, { authenticators: authenticators.list, deny: hub.tls.deny });
    return () => {
      this.#service.setOptions(options);
      this.#authenticators = authenticators;
      return this.watch.reevaluateAll();
    };
  }

  #createAuthenticators(
    { tokens, jwt, oidc, claims }: Config["auth"],
    before: Authenticators | null = null,
  ): Authenticators {
    const { logger, clock } = this.#parts;
    const { audience, clock_tolerance: clockToleranceMs, ...rest } = jwt;
    const options = { tokens, jwt: { ...rest, audiences: audience, clockToleranceMs }, oidc, claims };
    return createAuthenticators(options, {
      fetch: (url, init) => fetch(url, { ...init, signal: this.#untilStop(init.signal) }),
      readTextFile: (path) => Deno.readTextFile(path),
      clock,
      epochMs: () => Date.now(),
      events: logKeyEvents(logger),
    }, before);
  }

  #untilStop(signal: AbortSignal | null | undefined): AbortSignal {
    const { signal: stopping } = this.#stopping;
    return signal === null || signal === undefined ? stopping : AbortSignal.any([signal, stopping]);
  }

  #outcome(outcome: ServiceOutcome): LoginOutcome {
    if (outcome.kind === "accepted") {
      return { kind: "accepted", login: new HubLogin(outcome.login, this.#service) };
    }
    const { code, retryAfterMs } = outcome;
    return { kind: "refused", ...REFUSALS[code], retryAfterMs };
  }
}

/** The same whatever is wrong with the token, so that it tells nothing of it. */
function keptByCertificate({ subject }: Principal): string {
  return `The token is not accepted: this connection is already logged in by its certificate as ${subject}; ` +
    "a token of another subject cannot replace that";
}

/** A login of the service as the hub holds it. */
class HubLogin implements Login {
  readonly login: ServiceLogin;
  readonly #service: LoginService;

  constructor(login: ServiceLogin, service: LoginService) {
    this.login = login;
    this.#service = service;
  }

  get principal(): Principal {
    return this.login.principal;
  }

  reevaluate(): Reevaluation {
    const now = this.#service.reevaluate(this.login);
    if (now.kind === "ended") return now;
    return { kind: "holds", login: now.kind === "unchanged" ? this : new HubLogin(now.login, this.#service) };
  }
}

/** Waits for keys, not for long. Throws `config_invalid` for a file that cannot be used. */
async function loadKeys(authenticators: Authenticators): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<readonly never[]>((resolve) => {
    timer = setTimeout(() => resolve([]), KEYS_WAIT_MS);
  });
  const problems = await Promise.race([authenticators.loadKeys(), late]);
  clearTimeout(timer);
  const broken = problems.find(({ isFile }) => isFile);
  if (broken === undefined) return;
  const message = `Cannot load the keys of ${broken.source}: ${broken.reason}`;
  throw new TrunklineError("config_invalid", message);
}
