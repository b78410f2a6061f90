/** Hubs of tests that reach nothing for the clients of the CloudBridge handshake. */
import type { BridgeTunnels } from "../../src/hub/cloudbridge_session.ts";

/** Allows nothing, and has no frames. */
export const NO_BRIDGE: BridgeTunnels = {
  refusalOf: () => Promise.resolve("There are no tunnels here"),
  createFramesUser: () => {
    throw new Error("no test of this hub goes on with frames");
  },
};
