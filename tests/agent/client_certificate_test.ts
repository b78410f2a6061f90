/** What an agent says when a hub does not take its certificate, or misses one. */
import assert from "node:assert/strict";
import { TestCertificate } from "../helpers/client_certificates.ts";
import { MutualScene } from "../helpers/mutual_tls.ts";
import { RunningAgent, SLOW } from "./running_agent.ts";

for (const scheme of ["tls", "wss"]) {
  Deno.test(`Agent: says what to look at when its certificate is not taken (${scheme})`, async () => {
    await using scene = await MutualScene.start({ required: true });
    const self = await TestCertificate.make();
    const nobody = await TestCertificate.make({ name: "nobody", by: scene.authority });
    const cases = [
      [null, /closed the connection .*; see whether it wants a client certificate \(hub\.cert, hub\.key\)$/],
      [self, /closed the connection .*; see whether it takes the certificate in hub\.cert$/],
      [nobody, /it answered invalid_token .*does not let in who shows the certificate in hub\.cert$/],
    ] as const;
    for (const [client, text] of cases) {
      const url = `${scheme}://localhost:${scene.hub.port}`;
      await using agent = new RunningAgent(url, { backoff: SLOW, target: { ca: scene.ca, client } });
      await agent.was("waiting");
      assert.match(agent.failure.text, text);
    }
  });
}
