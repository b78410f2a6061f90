/**
 * The system topics that control the hub: `system.control.*`. Who may use them is decided before; here it is done,
 * and logged with who asked for it.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { LogControl, LogFields, Logger, LogLevel } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import type { BrokerErrorCode } from "./broker_error.ts";
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

/** What the handlers work with. */
export interface ControlTopicsOptions {
  /** Begins to stop the hub; of no effect while it stops already. */
  readonly stopHub: () => void;
  /** `null`: there is no log to change. */
  readonly log: LogControl | null;
  readonly logger: Logger;
}

/** Makes the handlers. */
export function controlTopics({ stopHub, log, logger }: ControlTopicsOptions): Handlers {
  const { nothing, disconnect, logLevel } = systemPayloads;
  return [
    [
      "system.control.drain",
      on(nothing, (_, { connection, principal }) => {
        logger.info("An administrator stops the hub", whoIs(connection, principal));
        return { kind: "answer", answer: { status: "success" }, after: stopHub };
      }),
    ],
    [
      "system.control.reload",
      on(nothing, () => {
        const next = "this version reads its configuration at the start; restart the hub";
        return refused("TOPIC_NOT_SUPPORTED", `Cannot load the configuration anew: ${next}`);
      }),
    ],
    [
      "system.control.disconnect",
      on(disconnect, (wanted, context) => disconnectMember(wanted, context, logger)),
    ],
    [
      "system.control.log_level",
      on(logLevel, (wanted, context) => setLevel(wanted, context, { log, logger })),
    ],
  ];
}

/** Who asked for something, for the log. */
export function whoIs(connection: Member, { subject, tenant }: Principal): LogFields {
  return { subject, tenant, connection: connection.id };
}

function disconnectMember(
  { serviceId, reason = "" }: { serviceId: string; reason?: string | undefined },
  { connection, principal, space }: SystemContext,
  logger: Logger,
): SystemResult {
  const member = space.member(serviceId);
  if (member === undefined) {
    const what = JSON.stringify(serviceId);
    return invalid("serviceId", `Cannot disconnect ${what}: no such service is connected`);
  }
  const who = { ...whoIs(connection, principal), disconnected: serviceId, reason };
  logger.info("An administrator disconnects a service", who);
  const text = `Disconnected by an administrator${reason === "" ? "" : `: ${reason}`}`;
  // With this code all that waits for him is written first: who disconnects himself gets his answer.
  const after = () => member.close(CloseCode.policy, text);
  return { kind: "answer", answer: { status: "success" }, after };
}

function setLevel(
  { level }: { level: LogLevel },
  { connection, principal }: SystemContext,
  { log, logger }: Pick<ControlTopicsOptions, "log" | "logger">,
): SystemResult {
  if (log === null) {
    const why = "this hub was started without a log that can be changed";
    return refused("SERVICE_UNAVAILABLE", `Cannot change the level of the log: ${why}`);
  }
  const fields = { ...whoIs(connection, principal), to: level };
  const say = () => logger.info("An administrator changes the level of the log", fields);
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
