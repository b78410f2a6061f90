/**
 * Fan-out through the relay beside nats-server's WebSocket port and a naive relay on the runtime's own upgrade.
 */
import { fanOutBenchmark } from "./fan_out_suite.ts";
import { startScript } from "./processes.ts";

/** The benchmark. */
export const bench = fanOutBenchmark({
  name: "relay",
  about: "CPU per delivery of the relay's fan-out, beside nats-server and a naive relay",
  protocol: "relay",
  limits: { manyInFlight: 0.4, oneInFlight: 0.8 },
  naive: () => startScript("naive", "bench/peers/naive_relay.ts"),
});
