/**
 * The system topics about the log: `system.log.subscribe` and `system.log.unsubscribe`.
 */
import type { Logger, LogLevel } from "../core/ports.ts";
import type { SecurityEvents } from "../core/security_event.ts";
import { recordAction, whoIs } from "./control_topics.ts";
import type { LinearPattern } from "./linear_pattern.ts";
import { type LogFeed, MAX_LOG_LISTENERS } from "./log_feed.ts";
import { type Handlers, on, success, type SystemContext, type SystemResult } from "./system_handler.ts";
import { systemPayloads } from "./system_payloads.ts";

/** What the handlers work with. */
export interface LogTopicsOptions {
  readonly logs: LogFeed;
  readonly logger: Logger;
  readonly events: SecurityEvents;
}

interface Wanted {
  readonly levels: readonly LogLevel[];
  readonly regex?: LinearPattern | undefined;
}

/** Makes the handlers. */
export function logTopics(options: LogTopicsOptions): Handlers {
  const { nothing, logSubscribe } = systemPayloads;
  return [
    ["system.log.subscribe", on(logSubscribe, (wanted, context) => listen(wanted, context, options))],
    [
      "system.log.unsubscribe",
      on(nothing, (_, { connection, space }) => {
        options.logs.unsubscribe(connection, space.tenant);
        return success();
      }),
    ],
  ];
}

function listen(
  { levels, regex }: Wanted,
  context: SystemContext,
  options: LogTopicsOptions,
): SystemResult {
  const { connection, principal, space } = context;
  const { logs, logger } = options;
  const filter = { levels: new Set(levels), pattern: regex ?? null };
  switch (logs.subscribe(connection, { tenant: space.tenant, filter })) {
    case "listening":
      logger.info("An administrator follows the log", whoIs(connection, principal));
      recordAction(context, options, { action: "log_subscribe", target: space.tenant });
      return success();
    case "updated":
      return success();
    case "no_log": {
      const message = "Cannot follow the log: this hub was started without one that can be followed";
      return { kind: "error", error: { code: "SERVICE_UNAVAILABLE", message } };
    }
    case "limit": {
      const message = `Cannot follow the log: ${MAX_LOG_LISTENERS} connections of this tenant do already`;
      const details = { limit: MAX_LOG_LISTENERS };
      return { kind: "error", error: { code: "LIMIT_REACHED", message, details } };
    }
  }
}
