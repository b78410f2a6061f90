/**
 * The schema of `auth`: who may connect and what each may do. Secrets are read while the configuration is
 * loaded; whoever holds the result holds them in clear.
 */
import { z } from "zod";
import { parseConnectRule, parseTunnelRule } from "../core/access_rules.ts";
import { SIGNATURE_ALGORITHMS } from "../core/login_limits.ts";
import { isLoginName, isSubject, MAX_NAME_LENGTH, MAX_SUBJECT_LENGTH } from "../core/login_names.ts";
import { section, shorthandList } from "./composites.ts";
import { bool, duration, field, HOUR, integer, MINUTE, oneOf, SECOND, text, topicPattern } from "./fields.ts";
import { isHttpUrl, type SchemaContext, secret, urlOrPath } from "./schema_context.ts";

const MAX_LIST = 10_000;

const TEXT_JSON = { type: "string", minLength: 1 };
const ROLE_NAME = /^[A-Za-z0-9_.:-]+$/;

function patterns() {
  return z.array(topicPattern()).max(MAX_LIST).prefault([]);
}

/** What a role, or a token by itself, may do. */
export function permissions() {
  return section({
    publish: patterns().describe("Topic patterns to publish to"),
    subscribe: patterns().describe("Topic patterns to subscribe to"),
    request: patterns().describe("Topic patterns to send requests to"),
    serve: patterns().describe("Topic patterns to answer requests on"),
    tunnel: z.array(tunnelName()).max(MAX_LIST).prefault([])
      .describe("Tunnel names, host names and ports to register"),
    connect: z.array(destination()).max(MAX_LIST).prefault([])
      .describe("What to reach through agents: agent:host:port"),
    admin: bool().prefault(false).describe("May see and control everything of its tenant"),
  });
}

function tunnelName() {
  return field({
    json: { type: ["string", "integer"] },
    expected: "a tunnel name, a host name, a port or a range of ports; * stands for any part",
    read: (raw) => {
      const name = typeof raw === "number" ? String(raw) : raw;
      return typeof name === "string" && parseTunnelRule(name) !== null ? name : undefined;
    },
  });
}

function destination() {
  return field({
    json: { type: "string", minLength: 5 },
    expected: "agent:host:port, as box:*.internal:443, *:10.0.0.0/8:22 or box:[::1]:8000-8010; each may be *",
    read: (raw) => typeof raw === "string" && parseConnectRule(raw) !== null ? raw : undefined,
  });
}

/** A name as claims of tokens may hold it too. */
function loginName(what: string, maxLength = MAX_NAME_LENGTH) {
  const isName = maxLength === MAX_SUBJECT_LENGTH ? isSubject : isLoginName;
  return field({
    json: { type: "string", minLength: 1, maxLength },
    expected: `${what}: at most ${maxLength} characters, none of them a control character`,
    read: (raw) => isName(raw) ? raw : undefined,
  });
}

function identity() {
  return {
    subject: loginName("the name of who logs in", MAX_SUBJECT_LENGTH).describe("Who logs in"),
    account: loginName("the name of an account").nullable().prefault(null)
      .describe("Who pays: limits count for it; null: the tenant, else the subject"),
    tenant: loginName("the name of a tenant").nullable().prefault(null).describe(
      "The tenant, a must with auth.multi_tenant; null: the default one",
    ),
    roles: z.array(text("the name of a role of auth.permissions", ROLE_NAME)).max(100).prefault([])
      .describe("Roles of auth.permissions"),
    permissions: permissions().prefault({}).describe("Permissions beyond those of the roles"),
  };
}

function jwt(context: SchemaContext) {
  return section({
    secret: secret(context).nullable().prefault(null).describe(
      "Secret of HS256 tokens, at least 32 bytes; null: none are taken",
    ),
    jwks: urlOrPath(context).nullable().prefault(null)
      .describe("Public keys of RS256, ES256 and EdDSA tokens: an http or https URL, or a file"),
    issuer: text("the issuer that tokens must name").nullable().prefault(null)
      .describe("Issuer that tokens must name; null: any"),
    audience: shorthandList(text("an audience"), {
      json: TEXT_JSON,
      expected: "an audience or a list of them",
    }).nullable()
      .prefault(null)
      .describe("Audience, or list of audiences, of which tokens must name one; null: any"),
    algorithms: z.array(oneOf(...SIGNATURE_ALGORITHMS)).min(1).nullable().prefault(null)
      .describe("Algorithms that are taken; null: all that fit the secret or the keys"),
    clock_tolerance: duration(0, 10 * MINUTE).prefault("5s").describe("How far clocks may differ"),
  });
}

function claimName() {
  return text("the dotted path of a claim such as realm_access.roles", /^[^\s.]+(\.[^\s.]+)*$/);
}

function claims() {
  return section({
    roles: shorthandList(claimName(), { json: TEXT_JSON, expected: "the path of a claim or a list of them" })
      .prefault(["realm_access.roles", "roles"]).describe("Claims that hold roles; all that are there count"),
    permissions: claimName().prefault("permissions").describe("Claim that holds permissions"),
    tenant: claimName().prefault("tenant_id").describe("Claim that holds the tenant"),
    account: claimName().prefault("account").describe("Claim that holds the account"),
  });
}

function oidc() {
  const issuer = field({
    json: { type: "string", minLength: 1 },
    expected: "an http or https URL without user name and password",
    read: (raw) => typeof raw === "string" && isHttpUrl(raw) ? raw : undefined,
  });
  return section({
    issuer: issuer.nullable().prefault(null).describe(
      "URL of the OpenID Connect issuer; discovery gives the keys",
    ),
    audience: text("an audience").nullable().prefault(null).describe(
      "Audience that tokens must name; null: any",
    ),
  });
}

function sources(context: SchemaContext) {
  return {
    tokens: z.array(
      section({ token: secret(context).describe("The token itself, at least 16 characters"), ...identity() }),
    ).max(
      MAX_LIST,
    )
      .prefault([]).describe("Static tokens: { token, subject, account, tenant, roles, permissions }"),
    certificates: z.array(section({
      match: text("the subject's common name, or a URI or DNS name of the certificate")
        .describe("Common name, or URI or DNS name, of the certificate"),
      ...identity(),
    })).max(MAX_LIST).prefault([])
      .describe("Client certificates: { match, subject, account, tenant, roles, permissions }"),
    query_token: bool().prefault(false).describe(
      "Take a token from ?access_token= too (it ends up in logs of proxies)",
    ),
    jwt: jwt(context).prefault({}).describe("JSON Web Tokens"),
    oidc: oidc().prefault({}).describe("OpenID Connect"),
    claims: claims().prefault({}).describe("Where JSON Web Tokens say what; dots lead into nested claims"),
  };
}

/** The section `auth`. */
export function authSchema(context: SchemaContext) {
  return section({
    mode: oneOf("none", "required").prefault("none").describe(
      "Whether everybody must log in: none or required",
    ),
    allow_anonymous: bool().prefault(false).describe("Allow auth.mode none on addresses beyond loopback"),
    multi_tenant: bool().prefault(false).describe("Keep the tenants that logins name apart"),
    ...sources(context),
    revoked: section({
      jti: z.array(text("the id of a token")).max(100_000).prefault([]).describe(
        "Ids (jti) of JWTs that are refused",
      ),
      subjects: z.array(text("a subject")).max(100_000).prefault([]).describe("Subjects that are refused"),
    }).prefault({}).describe("Logins that are refused although they are valid otherwise"),
    lockout: section({
      threshold: integer(1, 1000).prefault(5).describe("Failed logins of one visitor that lock it out"),
      duration: duration(SECOND, 24 * HOUR).prefault("60s").describe("How long it is locked out"),
    }).prefault({}).describe("What happens to visitors that guess"),
    permissions: z.record(z.string().regex(ROLE_NAME), permissions()).prefault({})
      .describe("Roles by name: { publish, subscribe, request, serve, tunnel, connect, admin }"),
  });
}
