/**
 * Login by JSON Web Token: signature, times, issuer, audience, then claims. The algorithm is one of those that go
 * with the keys, whatever the token says, and the keys are those of the configuration, whatever it brings along.
 */
import { errors, jwtVerify } from "jose";
import { MAX_TOKEN_LENGTH } from "../core/login_limits.ts";
import {
  type Authentication,
  type Authenticator,
  type Identity,
  type RefusalReason,
  refused,
  type Waiting,
} from "./authenticator.ts";
import { type ClaimPaths, readIdentity } from "./claims.ts";
import { readJwtText } from "./jwt_text.ts";
import type { KeyEvents } from "./key_events.ts";
import type { KeySource, SignatureAlgorithm } from "./key_source.ts";

/** What tokens have to be like. */
export interface JwtRules {
  readonly method: Identity["method"];
  /** The algorithms that are taken; all of them go with the keys. */
  readonly algorithms: readonly SignatureAlgorithm[];
  /** The issuer that tokens must name; `null`: any. */
  readonly issuer: string | null;
  /** Tokens must name one of them; `null`: any. */
  readonly audiences: readonly string[] | null;
  readonly clockToleranceMs: number;
  readonly claims: ClaimPaths;
  /** Whether tokens of an issuer are its own; the others are left to somebody else. */
  readonly isResponsibleFor: (issuer: string | null) => boolean;
}

/** What it works with. */
export interface JwtPorts {
  readonly keys: KeySource;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  readonly events: KeyEvents;
}

/** Takes tokens that one source of keys vouches for. */
export class JwtAuthenticator implements Authenticator {
  readonly name: Identity["method"];
  readonly #rules: JwtRules;
  readonly #ports: JwtPorts;

  constructor(rules: JwtRules, ports: JwtPorts) {
    this.name = rules.method;
    this.#rules = rules;
    this.#ports = ports;
  }

  async authenticate(token: string, wait?: Waiting): Promise<Authentication> {
    if (token.length > MAX_TOKEN_LENGTH) return refused("malformed");
    const text = readJwtText(token);
    if (text.kind === "no_jwt") return { kind: "not_mine" };
    if (text.kind === "malformed") return refused("malformed");
    if (!this.#rules.isResponsibleFor(text.issuer)) return { kind: "not_mine" };
    const algorithm = this.#rules.algorithms.find((one) => one === text.algorithm);
    if (algorithm === undefined) return refused("algorithm");
    const lookup = await this.#ports.keys.find({ algorithm, keyId: text.keyId }, wait);
    if (lookup.kind === "unavailable") return refused("keys_unavailable");
    if (lookup.kind === "unknown_yet") {
      return { kind: "refused", reason: "key_unknown_yet", keyId: text.keyId ?? "" };
    }
    return lookup.kind === "unknown" ? refused("unknown") : await this.#verify(token, algorithm, lookup.key);
  }

  async #verify(token: string, algorithm: SignatureAlgorithm, key: CryptoKey): Promise<Authentication> {
    const { method, issuer, audiences, clockToleranceMs, claims } = this.#rules;
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [algorithm],
        currentDate: new Date(this.#ports.epochMs()),
        clockTolerance: clockToleranceMs / 1000,
        ...(issuer !== null && { issuer }),
        ...(audiences !== null && { audience: [...audiences] }),
      });
      const result = readIdentity(payload, { method, paths: claims, clockToleranceMs });
      return result.ok ? { kind: "accepted", identity: result.identity } : refused("claim");
    } catch (error) {
      return refused(this.#reasonOf(error));
    }
  }

  #reasonOf(error: unknown): RefusalReason {
    if (error instanceof errors.JWTExpired) return "expired";
    if (error instanceof errors.JWTClaimValidationFailed) return reasonOfClaim(error);
    if (error instanceof errors.JWSSignatureVerificationFailed) return "signature";
    if (error instanceof errors.JOSEAlgNotAllowed) return "algorithm";
    if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return "malformed";
    this.#ports.events.checkFailed(this.#rules.method, error);
    return "malformed";
  }
}

function reasonOfClaim({ claim, reason }: errors.JWTClaimValidationFailed): RefusalReason {
  if (claim === "iss") return "issuer";
  if (claim === "aud") return "audience";
  return claim === "nbf" && reason === "check_failed" ? "not_yet_valid" : "claim";
}
