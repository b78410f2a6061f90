/** The program that docs/guide/history.md shows, run as it stands there but for the port, and for a line when it is done. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { BrokerClient } from "../broker/broker_client.ts";
import { DenoProcess } from "../helpers/process.ts";
import { TestHub } from "../helpers/test_hub.ts";

const guide = Deno.readTextFileSync("docs/guide/history.md");

/** Printed behind everything that a message brought about. */
const DONE = "done";

function program(port: number): string {
  const [[, code = ""] = []] = [...guide.matchAll(/^```js\n(.*?)^```/gms)];
  assert.ok(code.includes("8443"), "it names the hub's port");
  return `${
    code.replaceAll("8443", `${port}`)
  }\nsocket.addEventListener("message", () => console.log("${DONE}"));\n`;
}

/** What the page prints of its own, and then that it is done with it. */
async function printed(page: DenoProcess): Promise<string> {
  let line = await page.nextLine();
  while (line === DONE) line = await page.nextLine();
  assert.equal(await page.nextLine(), DONE);
  return line ?? "";
}

Deno.test("History guide: the page that is opened again prints what it missed, once", async () => {
  await using hub = await TestHub.start([
    'broker.topics=[{ pattern: "orders.#", history: { size: 100, ttl: 1h } }]',
  ]);
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "page.js");
    await Deno.writeTextFile(path, program(hub.port));
    const open = () =>
      new DenoProcess(["run", "--no-prompt", "--allow-net", path], { env: { DENO_DIR: folder } });
    await using publisher = await BrokerClient.connect(hub);
    {
      await using page = open();
      await hub.metricBecomes("trunkline_broker_subscriptions", 1);
      await publisher.publish("orders.new", "coffee");
      assert.equal(await printed(page), "coffee");
    }
    await hub.metricBecomes("trunkline_broker_subscriptions", 0);
    await publisher.publish("orders.new", "tea");
    await using page = open();
    assert.equal(await printed(page), "tea");
    await publisher.publish("orders.new", "water");
    assert.equal(await printed(page), "water");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
