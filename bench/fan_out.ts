/**
 * One measurement of a fan-out: the CPU time that a server process spends on each delivery under a load that
 * comes from another process.
 */
import type { FanOutLoad, FanOutResult } from "./load/fan_out_load.ts";
import { LoadProcess } from "./load_process.ts";
import type { MeasuredServer } from "./processes.ts";

/** What to measure. */
export type FanOutScenario = Omit<FanOutLoad, "port" | "protocol">;

/** What one run gave. */
export interface FanOutFigures {
  readonly server: string;
  readonly cpuMicrosPerDelivery: number;
  readonly deliveriesPerSecond: number;
}

/** Runs the load once against a fresh server. */
export async function measureFanOut(
  server: MeasuredServer,
  { protocol, scenario }: { protocol: FanOutLoad["protocol"]; scenario: FanOutScenario },
): Promise<FanOutFigures> {
  await using load = new LoadProcess("fan_out_load.ts", { ...scenario, port: server.port, protocol });
  if (await load.line() !== "go") throw new Error("Cannot measure: the load did not begin");
  const before = server.cpuSeconds();
  const result: FanOutResult = JSON.parse(await load.line());
  const cpuSeconds = server.cpuSeconds() - before;
  return {
    server: server.name,
    cpuMicrosPerDelivery: cpuSeconds * 1e6 / result.deliveries,
    deliveriesPerSecond: result.deliveries / result.seconds,
  };
}
