/**
 * `trunkline token`: a JSON Web Token for development, signed with the secret of the configuration and with its claims
 * where the configuration looks for them. Makes no token that the hub would refuse.
 */
import { SignJWT } from "jose";
import { withClaim } from "../auth/claim_path.ts";
import { readIdentity } from "../auth/claims.ts";
import type { JsonObject } from "../auth/json_object.ts";
import type { Config } from "../config/schema.ts";
import { TrunklineError } from "../core/errors.ts";
import { printProblems } from "./check.ts";
import { type ConfigArguments, loadFromSystem } from "./config_source.ts";
import { ExitCode, type Io } from "./io.ts";

/** What `token` takes. */
export interface TokenOptions extends ConfigArguments {
  readonly subject: string;
  readonly tenant?: string | undefined;
  readonly account?: string | undefined;
  readonly roles: readonly string[];
  /** How long the token holds. */
  readonly expiresMs: number;
  /** What the configuration says when left out, if it says something. */
  readonly issuer?: string | undefined;
  /** As `issuer`; of several the first. */
  readonly audience?: string | undefined;
  readonly json: boolean;
}

/** Runs the command. Throws `usage` when there is nothing to sign with, or nothing that the hub would take. */
export async function runToken(options: TokenOptions, io: Io): Promise<ExitCode> {
  const result = loadFromSystem(options);
  if (!result.ok) {
    printProblems(result.problems, io);
    return ExitCode.usage;
  }
  const secret = secretOf(result.config);
  const claims = claimsOf(options, result.config);
  const token = await new SignJWT({ ...claims }).setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .sign(new TextEncoder().encode(secret));
  io.out(options.json ? JSON.stringify({ token, claims }) : token);
  return ExitCode.done;
}

function secretOf({ auth }: Config): string {
  if (auth.jwt.secret !== null) return auth.jwt.secret;
  const found = auth.jwt.jwks === null
    ? "auth.jwt.secret is not set"
    : "the hub takes tokens by auth.jwt.jwks";
  const example = "--set 'auth.jwt.secret={env: JWT_SECRET}'";
  throw new TrunklineError(
    "usage",
    `Cannot sign a token: ${found}; set auth.jwt.secret (at least 32 bytes) in the configuration, or give ${example}`,
  );
}

function claimsOf(options: TokenOptions, { auth }: Config): JsonObject {
  const paths = auth.claims;
  const { subject, tenant, account, roles, expiresMs } = options;
  const issuer = options.issuer ?? auth.jwt.issuer;
  const audience = options.audience ?? auth.jwt.audience?.[0] ?? null;
  const iat = Math.floor(Date.now() / 1000);
  let claims: JsonObject = {
    ...(issuer !== null && { iss: issuer }),
    ...(audience !== null && { aud: audience }),
    sub: subject,
    iat,
    exp: iat + Math.ceil(expiresMs / 1000),
    jti: crypto.randomUUID(),
  };
  if (tenant !== undefined) claims = withClaim(claims, paths.tenant, tenant);
  if (account !== undefined) claims = withClaim(claims, paths.account, account);
  const [rolesPath] = paths.roles;
  if (roles.length > 0 && rolesPath !== undefined) claims = withClaim(claims, rolesPath, roles);
  refuseUseless(claims, { options, config: auth });
  return claims;
}

/** The hub reads the claims by the same function. */
function refuseUseless(
  claims: JsonObject,
  { options, config }: { options: TokenOptions; config: Config["auth"] },
): void {
  const read = readIdentity(claims, { method: "jwt", paths: config.claims, clockToleranceMs: 0 });
  if (!read.ok) {
    throw new TrunklineError("usage", `Cannot make this token: the hub would refuse its claim ${read.claim}`);
  }
  const { issuer, audience } = config.jwt;
  if (options.issuer !== undefined && issuer !== null && options.issuer !== issuer) {
    throw new TrunklineError("usage", `Cannot make this token: the hub takes the issuer ${issuer} alone`);
  }
  if (options.audience !== undefined && audience !== null && !audience.includes(options.audience)) {
    throw new TrunklineError(
      "usage",
      `Cannot make this token: the hub takes the audience ${audience.join(", ")} alone`,
    );
  }
}
