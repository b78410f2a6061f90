/** Contradictions between settings of an agent that are each right by themselves. */
import { type Check, type Checking, runChecks } from "./contradictions.ts";
import type { Report } from "./problem.ts";
import type { AgentConfig } from "./schema_agent.ts";

const CHECKS: readonly Check<AgentConfig>[] = [
  { reads: ["hub.url", "hub.ca", "hub.cert", "hub.key"], run: tlsWithoutTls },
  { reads: ["hub.cert", "hub.key"], run: halfCertificate },
  { reads: ["hub.pool.initial", "hub.pool.max"], run: pool },
  { reads: ["tunnels"], run: tunnelKinds },
  { reads: ["tunnels"], run: tunnelsTwice },
  { reads: ["services"], run: services },
];

/** Reports every contradiction; settings for which `isValid` is false are not looked at. */
export function findAgentContradictions(config: AgentConfig, checking: Checking): void {
  runChecks(CHECKS, config, checking);
}

function tlsWithoutTls({ hub }: AgentConfig, report: Report): void {
  if (hub.url.isSecure) return;
  const secure = hub.url.scheme === "ws" ? "wss" : "tls";
  for (const key of ["ca", "cert", "key"] as const) {
    if (hub[key] === null) continue;
    report(
      ["hub", key],
      `Cannot use hub.${key} with ${hub.url.scheme}://, which is not encrypted; write ${secure}:// in hub.url or leave it out`,
    );
  }
}

function halfCertificate({ hub }: AgentConfig, report: Report): void {
  if (hub.cert !== null && hub.key === null) {
    report(["hub", "cert"], "Cannot use a certificate alone; set hub.key too");
  }
  if (hub.cert === null && hub.key !== null) {
    report(["hub", "key"], "Cannot use a key alone; set hub.cert too");
  }
}

function pool({ hub }: AgentConfig, report: Report): void {
  if (hub.pool.initial <= hub.pool.max) return;
  report(
    ["hub", "pool", "initial"],
    "Cannot keep more connections than hub.pool.max; make that larger or this smaller",
  );
}

function tunnelKinds({ tunnels }: AgentConfig, report: Report): void {
  tunnels.forEach((tunnel, at) => {
    const foreign = tunnel.kind === "http"
      ? { remote_port: tunnel.remote_port !== null, proxy_protocol: tunnel.proxy_protocol }
      : {
        subdomain: tunnel.subdomain !== null,
        hostname: tunnel.hostname !== null,
        host_header: tunnel.host_header !== null,
        ca: tunnel.ca !== null,
        insecure: tunnel.insecure,
      };
    for (const [key, isSet] of Object.entries(foreign)) {
      const other = tunnel.kind === "http" ? "tcp" : "http";
      if (isSet) {
        report(
          ["tunnels", at, key],
          `Cannot use ${key} with kind: ${tunnel.kind}; leave it out or write kind: ${other}`,
        );
      }
    }
    if (tunnel.subdomain !== null && tunnel.hostname !== null) {
      report(
        ["tunnels", at, "hostname"],
        "Cannot ask for a subdomain and a hostname; leave one of the two out",
      );
    }
    if (tunnel.kind === "tcp" && tunnel.local.scheme !== null) {
      report(
        ["tunnels", at, "local"],
        `Cannot use ${tunnel.local.scheme}:// with kind: tcp; write an address such as 127.0.0.1:5432`,
      );
    }
  });
}

function tunnelsTwice({ tunnels }: AgentConfig, report: Report): void {
  for (const key of ["name", "subdomain", "hostname", "remote_port"] as const) {
    const values = tunnels.map((tunnel) => tunnel[key]);
    values.forEach((value, at) => {
      if (value === null || values.indexOf(value) === at) return;
      report(["tunnels", at, key], `Cannot have two tunnels with ${key} ${value}; write another one`);
    });
  }
}

function services({ services }: AgentConfig, report: Report): void {
  services.forEach(({ topic, exec, url }, at) => {
    if (exec !== null && url !== null) {
      report(["services", at, "url"], "Cannot answer by url and exec together; keep one of the two");
    }
    if (exec === null && url === null) {
      report(["services", at, "topic"], "Cannot answer without exec or url; write one of the two");
    }
    if (services.findIndex((other) => other.topic.toLowerCase() === topic.toLowerCase()) < at) {
      report(["services", at, "topic"], `Cannot answer ${topic} twice; remove one of the two`);
    }
  });
}
