/**
 * The system topics that control the hub: `system.control.*`. Who may use them is decided before; here it is done,
 * and logged with who asked for it.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { LogControl, LogFields, Logger, LogLevel } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import type { SecurityEvents } from "../core/security_event.ts";
import type { BrokerErrorCode } from "./broker_error.ts";
import { cutList } from "./listings.ts";
import {
  type Handlers,
  invalid,
  on,
  success,
  type SystemContext,
  type SystemResult,
} from "./system_handler.ts";
import { systemPayloads } from "./system_payloads.ts";
import type { Member } from "./tenant_space.ts";

/** What came of reading the configuration again. */
export type ReloadOutcome =
  | {
    readonly kind: "loaded";
    /** The settings that changed and hold from now on, by dotted key. */
    readonly changed: readonly string[];
    /** Those that changed and hold after a restart. */
    readonly needRestart: readonly string[];
    /** How many logins the change ended. */
    readonly ended: number;
  }
  /** Nothing has changed. */
  | { readonly kind: "invalid"; readonly problems: readonly string[] }
  /** A mistake of the hub: something of it holds. */
  | { readonly kind: "partly"; readonly problems: readonly string[] };

/** What the handlers work with. */
export interface ControlTopicsOptions {
  /** Begins to stop the hub; of no effect while it stops already. */
  readonly stopHub: () => void;
  /** Reads the configuration again; `null`: there is nothing to read it from. Does not reject. */
  readonly reload: (() => Promise<ReloadOutcome>) | null;
  /** `null`: there is no log to change. */
  readonly log: LogControl | null;
  readonly logger: Logger;
  readonly events: SecurityEvents;
}

/** Makes the handlers. */
export function controlTopics(options: ControlTopicsOptions): Handlers {
  const { stopHub, logger } = options;
  const { nothing, disconnect, logLevel } = systemPayloads;
  return [
    [
      "system.control.drain",
      on(nothing, (_, context) => {
        const { connection, principal } = context;
        logger.info("An administrator stops the hub", whoIs(connection, principal));
        recordAction(context, options, { action: "drain", target: "hub" });
        return { kind: "answer", answer: { status: "success" }, after: stopHub };
      }),
    ],
    [
      "system.control.reload",
      on(nothing, (_, context) => reloadConfig(context, options)),
    ],
    [
      "system.control.disconnect",
      on(disconnect, (wanted, context) => disconnectMember(wanted, context, options)),
    ],
    [
      "system.control.log_level",
      on(logLevel, (wanted, context) => setLevel(wanted, context, options)),
    ],
  ];
}

/** Who asked for something, for the log. */
export function whoIs(connection: Member, { subject, tenant }: Principal): LogFields {
  return { subject, tenant, connection: connection.id };
}

/** Tells those who look after security what an administrator did. */
export function recordAction(
  { connection }: SystemContext,
  { events }: { readonly events: SecurityEvents },
  { action, target }: { action: string; target: string },
): void {
  events.record({ kind: "admin_action", ...connection.origin, action, target });
}

async function reloadConfig(
  context: SystemContext,
  options: ControlTopicsOptions,
): Promise<SystemResult> {
  const { connection, principal } = context;
  if (options.reload === null) {
    const why = "this hub was started without one that can be read again";
    return refused("SERVICE_UNAVAILABLE", `Cannot load the configuration anew: ${why}`);
  }
  options.logger.info("An administrator loads the configuration anew", whoIs(connection, principal));
  recordAction(context, options, { action: "reload", target: "hub" });
  const outcome = await options.reload();
  if (outcome.kind === "loaded") {
    const { changed, needRestart, ended } = outcome;
    return success({ changed, needRestart, ended });
  }
  const { kept: problems, isCut } = cutList(outcome.problems);
  const details = { problems, ...(isCut ? { truncated: true } : {}) };
  return { kind: "error", error: { ...REFUSALS[outcome.kind], details } };
}

const REFUSALS = {
  invalid: {
    code: "INVALID_REQUEST",
    message: "Cannot load the configuration anew: it is not valid; nothing has changed",
  },
  partly: {
    code: "INTERNAL_ERROR",
    message: "Only a part of the configuration was loaded anew; load it again, or restart the hub",
  },
} as const;

function disconnectMember(
  { serviceId, reason = "" }: { serviceId: string; reason?: string | undefined },
  context: SystemContext,
  options: ControlTopicsOptions,
): SystemResult {
  const { connection, principal, space } = context;
  const member = space.member(serviceId);
  if (member === undefined) {
    const what = JSON.stringify(serviceId);
    return invalid("serviceId", `Cannot disconnect ${what}: no such service is connected`);
  }
  const who = { ...whoIs(connection, principal), disconnected: serviceId, reason };
  options.logger.info("An administrator disconnects a service", who);
  recordAction(context, options, { action: "disconnect", target: serviceId });
  const text = `Disconnected by an administrator${reason === "" ? "" : `: ${reason}`}`;
  // With this code all that waits for him is written first: who disconnects himself gets his answer.
  const after = () => member.close(CloseCode.policy, text);
  return { kind: "answer", answer: { status: "success" }, after };
}

function setLevel(
  { level }: { level: LogLevel },
  context: SystemContext,
  options: ControlTopicsOptions,
): SystemResult {
  const { connection, principal } = context;
  const { log, logger } = options;
  if (log === null) {
    const why = "this hub was started without a log that can be changed";
    return refused("SERVICE_UNAVAILABLE", `Cannot change the level of the log: ${why}`);
  }
  const fields = { ...whoIs(connection, principal), to: level };
  const say = () => logger.info("An administrator changes the level of the log", fields);
  recordAction(context, options, { action: "log_level", target: level });
  // The line must stand there whichever of the two levels writes it.
  const wasWritten = logger.isEnabled("info");
  if (wasWritten) say();
  log.setLevel(level);
  if (!wasWritten) say();
  return success();
}

function refused(code: BrokerErrorCode, message: string): SystemResult {
  return { kind: "error", error: { code, message } };
}
