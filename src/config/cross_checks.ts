/** Contradictions between settings of the hub that are each right by themselves. */
import { isTopicPattern } from "../core/topic.ts";
import {
  issuers,
  jwtAlgorithms,
  jwtSecret,
  jwtSources,
  plainKeys,
  roles,
  staticTokens,
} from "./auth_checks.ts";
import { type Check, type Checking, runChecks } from "./contradictions.ts";
import { isLoopbackHost, listenerOverlaps, plainBeyondLoopback } from "./listener_checks.ts";
import {
  certificatesWithoutAuthority,
  loginsTwice,
  loginWithoutSource,
  relayLogin,
  tenantsOfLogins,
  tenantsWithoutLogin,
} from "./login_checks.ts";
import type { Report } from "./problem.ts";
import type { Config } from "./schema.ts";
import { formatAddress } from "./units.ts";

const LISTENERS = [
  "hub.listen",
  "public.enabled",
  "public.listen",
  "metrics.enabled",
  "metrics.listen",
  "dashboard.enabled",
  "dashboard.listen",
  "tunnel.tcp_listen",
  "tunnel.tcp_ports",
];

const LOGIN_SOURCES = [
  "auth.tokens",
  "auth.certificates",
  "auth.jwt.secret",
  "auth.jwt.jwks",
  "auth.oidc.issuer",
];

const CHECKS: readonly Check<Config>[] = [
  { reads: ["hub.listen", "hub.tls.cert", "hub.allow_insecure"], run: plainBeyondLoopback },
  { reads: ["hub.listen", "auth.mode", "auth.allow_anonymous"], run: anonymousBeyondLoopback },
  { reads: ["hub.listen", "hub.tls.cert"], run: listenersWithoutCertificate },
  { reads: ["hub.tls.cert", "hub.tls.key"], run: certificateWithoutKey },
  { reads: ["hub.tls.client_ca", "hub.tls.require_client_cert"], run: clientCertificatesWithoutAuthority },
  { reads: ["hub.tls.client_ca", "hub.tls.cert"], run: authorityWithoutTls },
  { reads: ["hub.tls.client_ca", "auth.certificates"], run: certificatesWithoutAuthority },
  { reads: ["public.tls"], run: publicCertificateWithoutKey },
  { reads: ["public.proxy_protocol", "public.trusted_proxies"], run: proxiesOfVisitors },
  { reads: LISTENERS, run: listenerOverlaps },
  { reads: ["hub.heartbeat.interval", "hub.heartbeat.timeout"], run: heartbeat },
  { reads: ["relay.paths", "broker.enabled"], run: relayPaths },
  { reads: ["broker.request.timeout", "broker.request.max_timeout"], run: requestTimeout },
  { reads: ["broker.rate.topics"], run: rateTopics },
  { reads: ["tunnel.window.initial", "tunnel.window.max", "tunnel.window.connection"], run: windows },
  { reads: ["auth.jwt.secret", "auth.jwt.jwks"], run: jwtSources },
  { reads: ["auth.jwt.secret"], run: jwtSecret },
  { reads: ["auth.jwt.secret", "auth.jwt.jwks", "auth.jwt.algorithms"], run: jwtAlgorithms },
  { reads: ["auth.jwt.issuer", "auth.jwt.secret", "auth.jwt.jwks", "auth.oidc.issuer"], run: issuers },
  { reads: ["auth.jwt.jwks", "auth.oidc.issuer", "hub.allow_insecure"], run: plainKeys },
  { reads: ["auth.tokens"], run: staticTokens },
  { reads: ["auth.tokens", "auth.certificates", "auth.permissions"], run: roles },
  { reads: ["auth.mode", ...LOGIN_SOURCES], run: loginWithoutSource },
  { reads: ["auth.mode", "auth.multi_tenant"], run: tenantsWithoutLogin },
  { reads: ["auth.tokens", "auth.certificates", "auth.multi_tenant"], run: tenantsOfLogins },
  { reads: ["auth.tokens", "auth.certificates"], run: loginsTwice },
  { reads: ["relay.auth", "auth.mode"], run: relayLogin },
  { reads: ["dashboard.enabled", "dashboard.listen", "dashboard.token"], run: dashboardToken },
];

/** Reports every contradiction; settings for which `isValid` is false are not looked at. */
export function findContradictions(config: Config, checking: Checking): void {
  runChecks(CHECKS, config, checking);
}

function anonymousBeyondLoopback({ hub, auth }: Config, report: Report): void {
  if (auth.mode !== "none" || auth.allow_anonymous) return;
  hub.listen.forEach(({ address }, at) => {
    if (isLoopbackHost(address.host)) return;
    const found = `Cannot listen on ${
      formatAddress(address)
    } without login: it is reachable from other machines`;
    const next = `set auth.mode: required, or set auth.allow_anonymous: true to let everybody in`;
    report(["hub", "listen", at, "address"], `${found}; ${next}`);
  });
}

function listenersWithoutCertificate({ hub }: Config, report: Report): void {
  if (hub.tls.cert !== null) return;
  hub.listen.forEach(({ tls }, at) => {
    if (tls) {
      report(
        ["hub", "listen", at, "tls"],
        "Cannot speak TLS without a certificate; set hub.tls.cert and hub.tls.key",
      );
    }
  });
}

function certificateWithoutKey({ hub }: Config, report: Report): void {
  const { cert, key } = hub.tls;
  if (cert !== null && key === null) {
    report(["hub", "tls", "cert"], "Cannot use a certificate alone; set hub.tls.key too");
  }
  if (cert === null && key !== null) {
    report(["hub", "tls", "key"], "Cannot use a key alone; set hub.tls.cert too");
  }
}

function clientCertificatesWithoutAuthority({ hub }: Config, report: Report): void {
  if (!hub.tls.require_client_cert || hub.tls.client_ca !== null) return;
  report(
    ["hub", "tls", "require_client_cert"],
    "Cannot require client certificates without an authority to check them with; set hub.tls.client_ca",
  );
}

function authorityWithoutTls({ hub }: Config, report: Report): void {
  if (hub.tls.client_ca === null || hub.tls.cert !== null) return;
  report(
    ["hub", "tls", "client_ca"],
    "Cannot check client certificates without TLS; set hub.tls.cert and hub.tls.key",
  );
}

function publicCertificateWithoutKey(config: Config, report: Report): void {
  const tls = config.public.tls;
  if (tls === null || (tls.cert !== null && tls.key !== null)) return;
  const missing = tls.cert === null ? "public.tls.cert" : "public.tls.key";
  report(["public", "tls"], `Cannot speak TLS with half a certificate; set ${missing} too`);
}

function proxiesOfVisitors(config: Config, report: Report): void {
  if (!config.public.proxy_protocol || config.public.trusted_proxies.length > 0) return;
  report(
    ["public", "proxy_protocol"],
    "Cannot take PROXY headers from nobody; list the proxies in public.trusted_proxies",
  );
}

function heartbeat({ hub }: Config, report: Report): void {
  if (hub.heartbeat.timeout > hub.heartbeat.interval) return;
  report(
    ["hub", "heartbeat", "timeout"],
    "Cannot close a connection before it was asked for a sign of life; make hub.heartbeat.timeout longer than hub.heartbeat.interval",
  );
}

const NEVER_RELAY = ["/agent", "/api", "/healthz", "/readyz"];

function relayPaths({ relay, broker }: Config, report: Report): void {
  relay.paths.forEach((path, at) => {
    const place = ["relay", "paths", at];
    const taken = NEVER_RELAY.find((one) => path === one || path.startsWith(`${one}/`));
    if (taken !== undefined) {
      report(place, `Cannot relay on ${path}: ${taken} is the hub's own; write another path`);
    }
    if (relay.paths.indexOf(path) < at) report(place, `Cannot relay on ${path} twice; remove one of the two`);
    if ((path === "/" || path === "/ws") && broker.enabled) {
      report(
        place,
        `Cannot relay on ${path}: it is the broker's; write another path or set broker.enabled: false`,
      );
    }
  });
}

function requestTimeout({ broker }: Config, report: Report): void {
  if (broker.request.timeout <= broker.request.max_timeout) return;
  report(
    ["broker", "request", "timeout"],
    "Cannot wait longer than broker.request.max_timeout; make that longer or this shorter",
  );
}

function rateTopics({ broker }: Config, report: Report): void {
  for (const pattern of Object.keys(broker.rate.topics)) {
    if (isTopicPattern(pattern)) continue;
    report(
      ["broker", "rate", "topics", pattern],
      `Cannot use ${
        JSON.stringify(pattern)
      }; write a topic pattern: levels such as orders.new, + for one level, # last for the rest`,
    );
  }
}

function windows({ tunnel }: Config, report: Report): void {
  const { initial, max, connection } = tunnel.window;
  if (initial > max) {
    report(
      ["tunnel", "window", "initial"],
      "Cannot begin with more than tunnel.window.max; make that larger or this smaller",
    );
  }
  if (max > connection) {
    report(
      ["tunnel", "window", "max"],
      "Cannot give one stream more than tunnel.window.connection; make that larger or this smaller",
    );
  }
}

function dashboardToken({ dashboard }: Config, report: Report): void {
  if (!dashboard.enabled || dashboard.token !== null || isLoopbackHost(dashboard.listen.host)) return;
  report(
    ["dashboard", "listen"],
    `Cannot show the dashboard on ${
      formatAddress(dashboard.listen)
    } without login: it is reachable from other machines; set dashboard.token`,
  );
}
