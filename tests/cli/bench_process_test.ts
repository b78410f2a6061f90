/** `trunkline bench` as a process, with nothing but the permissions of `deno task cli`. */
import assert from "node:assert/strict";
import { TestCertificates } from "../helpers/certificates.ts";
import { DenoProcess, taskArguments } from "../helpers/process.ts";
import { TestHub } from "../helpers/test_hub.ts";

Deno.test({
  name: "bench process: SIGINT ends it early with the figures so far, exit 0",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const args = await taskArguments("cli");
    using certificates = await TestCertificates.create();
    await using hub = await TestHub.start(certificates.settings);
    for (const scheme of ["wss", "tls"]) {
      const to = ["--url", `${scheme}://localhost:${hub.port}`, "--ca", certificates.caPath];
      const before = await hub.metric("trunkline_broker_published_total");
      await using bench = new DenoProcess([...args, "bench", "--duration", "1h", "--json", ...to]);
      while (await hub.metric("trunkline_broker_published_total") < before + 100);
      bench.kill("SIGINT");
      const { code, stdout, stderr } = await bench.ended();
      assert.deepEqual([code, stderr], [0, ""]);
      const { end, publish } = JSON.parse(stdout);
      assert.equal(end, "stopped");
      assert.ok(publish.receivedMessages > 0);
      assert.equal(publish.receivedMessages, publish.expectedMessages);
    }
  },
});
