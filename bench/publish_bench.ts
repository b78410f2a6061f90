/**
 * Fan-out through the whole broker (routing, limits, metrics and lanes on) beside nats-server's WebSocket port.
 */
import { fanOutBenchmark } from "./fan_out_suite.ts";

/** The benchmark. */
export const bench = fanOutBenchmark({
  name: "publish",
  about: "CPU per delivery of the broker's fan-out, beside nats-server",
  protocol: "broker",
  limits: { manyInFlight: 0.5, oneInFlight: 0.8 },
  naive: null,
});
