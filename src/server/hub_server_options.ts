/** What a hub gets from outside its configuration. */
import type { LoginGateLimits } from "../auth/login_gate.ts";
import type { ConfigResult } from "../config/hub_config.ts";
import type { Clock, LogControl, Logger } from "../core/ports.ts";
import type { Resolve } from "../link/resolver.ts";
import type { FrameServices } from "../tunnel/frame_services.ts";
import type { MemoryUse } from "./memory_stage.ts";

/** What comes from outside the configuration. */
export interface HubServerOptions {
  readonly logger: Logger;
  /** The log behind the logger, for administrators to follow and change. @default none */
  readonly log?: LogControl;
  /** Runs a function once, when the current turn of the event loop is over. @default an immediate */
  readonly atEndOfTurn?: (run: () => void) => void;
  /** Reads the configuration again, for `reload`. @default it cannot be read again */
  readonly readConfig?: () => ConfigResult;
  /** An administrator asks the hub to stop: whoever runs it calls `stop`. @default it stops itself */
  readonly onStopRequested?: () => void;
  /** Who runs streams over the connections of agents. @default the hub's tunnels */
  readonly frameServices?: FrameServices;
  /** Finds what spokes want to reach from the hub. @default the system is asked */
  readonly resolve?: Resolve;
  /** Version of Trunkline, for build info. */
  readonly version: string;
  /** @default the process's monotonic clock */
  readonly clock?: Clock;
  /** Measures the memory of the process. @default the runtime is asked */
  readonly readMemory?: () => MemoryUse;
  /** How many logins are looked at at once, and wait for it. @default those of the gate */
  readonly loginGate?: LoginGateLimits;
}
