/** Local services that speak TLS. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { TestCertificates } from "../helpers/certificates.ts";
import { visit } from "../helpers/http_visit.ts";
import { HOST, withService } from "./http_scene.ts";

Deno.test("HTTP tunnel: a local service over TLS is believed by its authority, or where that is told; else 502", async () => {
  using own = await TestCertificates.create();
  using other = await TestCertificates.create();
  const server = createServer({ cert: own.cert, key: own.key }, (request, response) => {
    response.end(`${request.headers.host} over TLS`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const local = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const more of [`, ca: ${own.caPath}`, ", insecure: true"]) {
    await withService(local, async ({ port }) => {
      for (let times = 0; times < 2; times++) {
        assert.equal((await visit(port, { host: HOST })).text, `${HOST} over TLS`, more);
      }
    }, { more });
  }
  await withService(local, async ({ port, edge }) => {
    const { status, text } = await visit(port, { host: HOST });
    assert.equal(status, 502);
    assert.ok(!/certificate|issuer|127\.0\.0\.1/i.test(text), "nothing of what stands inside");
    assert.match(
      JSON.stringify(edge.logger.lines),
      /Cannot reach https:.* for tunnel web".*\w*SIGNATURE.*; name its authority with tunnels\[\]\.ca, or /,
    );
  }, { more: `, ca: ${other.caPath}` });
  server.close();
  server.closeAllConnections();
  await once(server, "close");
});
