/** The hub of a soak as long as the real one has nobody to join streams: see soak/hub_process.ts. */
import { processIo } from "../src/cli/io.ts";
import { FramesHub } from "../tests/helpers/frames_hub.ts";
import { measureUsage } from "./usage.ts";

await using hub = await FramesHub.open({ heartbeat: { intervalMs: 250, timeoutMs: 1000 } });
processIo.out(JSON.stringify({ port: hub.port }));
const count = () => {
  // What it remembers for tests would look like something that was lost.
  hub.logins.length = 0;
  hub.broker.services.length = 0;
  return counts();
};
const counts = () => ({
  connections: hub.ends.size,
  streams: [...hub.ends].reduce((sum, { transport }) => sum + transport.mux.size, 0),
});
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
for await (const text of lines) {
  for (const _ of text.matchAll(/\n/g)) processIo.out(JSON.stringify(await measureUsage(count)));
}
