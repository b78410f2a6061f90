/**
 * Says in the log what follows where nobody has to log in: that others than those on the hub's own machine can come, and
 * that limits hold for nobody.
 */
import { isDeepStrictEqual } from "node:util";
import { isLoopbackHost } from "../config/listener_checks.ts";
import { type Config, defaultConfig } from "../config/schema.ts";
import type { Logger } from "../core/ports.ts";

/** Warns of limits that hold for nobody. */
export function warnOfIdleLimits({ auth, limits }: Config, logger: Logger): void {
  const isNamed = Object.keys(limits.accounts).length > 0;
  const isSet = isNamed || !isDeepStrictEqual(limits.default, defaultConfig().limits.default);
  if (auth.mode !== "none" || !isSet) return;
  logger.warning("Limits of accounts hold for nobody: without logins there are none", {
    setting: isNamed ? "limits.accounts" : "limits.default",
    next: "set auth.mode: required, or use limits.connection and limits.tenants.default",
  });
}

/** Warns of a hub that is open to more than its own machine. */
export function warnOfOpenHub({ auth, hub }: Config, logger: Logger): void {
  if (auth.mode !== "none") return;
  if (hub.proxy_protocol.length > 0) {
    const message =
      "Nobody has to log in, and a proxy sends on who comes: everybody who reaches it may use the hub";
    logger.warning(message, { setting: "hub.proxy_protocol", next: "set auth.mode: required" });
  } else if (hub.listen.some(({ address }) => !isLoopbackHost(address.host))) {
    const message = "Nobody has to log in: everybody who reaches the hub may use it";
    logger.warning(message, { setting: "auth.allow_anonymous", next: "set auth.mode: required" });
  }
}
