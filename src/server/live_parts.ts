/** Connects what can change while a hub runs with what reads its configuration again. */
import type { MessageBroker } from "../broker/message_broker.ts";
import type { Config } from "../config/schema.ts";
import type { LogControl, Logger } from "../core/ports.ts";
import type { Admission } from "../hub/admission.ts";
import type { Connection } from "../hub/connection.ts";
import type { OriginPolicy } from "../hub/origin_policy.ts";
import type { AuditLog } from "./audit_log.ts";
import { brokerRules } from "./broker_setup.ts";
import { endDenied } from "./denied_connections.ts";
import type { HubServerOptions } from "./hub_server_options.ts";
import type { Logins } from "./logins.ts";
import type { PublicDoor } from "./public_setup.ts";
import type { HubQuotas } from "./quota_setup.ts";
import { type LivePart, Reload } from "./reload.ts";
import type { Storage } from "./storage.ts";
import type { ReloadedTls, TlsStore } from "./tls_store.ts";

/** The parts of a hub that changes concern. */
export interface LiveParts {
  /** `null` on a hub that asks for no login. */
  readonly logins: Logins | null;
  readonly audit: AuditLog;
  readonly admission: Admission;
  readonly origins: OriginPolicy;
  readonly tls: TlsStore;
  readonly quotas: HubQuotas;
  readonly storage: Storage;
  readonly connections: () => Iterable<Connection>;
  readonly broker: () => MessageBroker | null;
  readonly visitors: () => PublicDoor;
  readonly logger: Logger;
}

/** Makes what reloads the configuration of a hub; `null` when it cannot be read again. */
export function createReload(
  config: Config,
  { readConfig, log }: Pick<HubServerOptions, "readConfig" | "log">,
  parts: LiveParts,
): Reload | null {
  if (readConfig === undefined) return null;
  const { logger, audit } = parts;
  return new Reload(config, {
    readConfig,
    logger,
    parts: [
      certificates(parts.tls, (next) => next.hub.tls),
      certificates(() => parts.visitors().tls, (next) => next.public.enabled ? next.public.tls : null),
      sure((next) => changeDoors(next, parts)),
      sure(({ limits }) => parts.quotas.change(limits)),
      sure((next) => parts.storage.change(next)),
      sure(({ broker }) => parts.broker()?.change(brokerRules(broker))),
      sure(({ logging }) => changeLogs(logging, { log, audit })),
    ],
    prepareLogins: (next) => prepareLogins(next, parts),
    events: audit.events,
  });
}

async function prepareLogins(
  next: Config,
  { logins, connections, audit: { events } }: LiveParts,
): Promise<() => Promise<number>> {
  const takeOver = await logins?.prepare(next);
  return async () => {
    const ended = await takeOver?.() ?? 0;
    return ended + endDenied(connections(), { deny: next.hub.tls.deny, events });
  };
}

/** A part that can work with every configuration that is valid. */
function sure(takeOver: (config: Config) => void): LivePart {
  return { prepare: (config) => () => takeOver(config) };
}

function certificates(
  store: TlsStore | (() => TlsStore),
  settingsOf: (config: Config) => ReloadedTls | null,
): LivePart {
  return {
    prepare(config) {
      const found = typeof store === "function" ? store() : store;
      const prepared = found.prepare(settingsOf(config));
      return () => found.commit(prepared);
    },
  };
}

function changeDoors(config: Config, { admission, origins, visitors }: LiveParts): void {
  const { max_connections, max_connections_per_ip, origins: rules } = config.hub;
  admission.change({ maxConnections: max_connections, maxConnectionsPerIp: max_connections_per_ip });
  origins.change(rules);
  visitors().change(config.public);
}

/** The audit file is opened anew, as after its rotation. */
function changeLogs(
  { level }: Config["logging"],
  { log, audit }: { readonly log: LogControl | undefined; readonly audit: AuditLog },
): void {
  audit.reopen();
  log?.setLevel(level);
}
