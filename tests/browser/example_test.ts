import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { Door } from "../examples/door.ts";
import { ExampleProgram } from "../examples/example_program.ts";
import { publishUntilDropped, startSlowHub } from "../examples/slow_hub.ts";
import { startBrowser } from "../helpers/browser.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { findChromium, findPython } from "../helpers/tools.ts";
import { WsClient } from "../helpers/ws_client.ts";

/** Opens the example's page, served by its own small server, on a hub at this port; all ends with the action. */
async function onPage(hubPort: number, action: (page: Page) => Promise<void>): Promise<void> {
  const permissions = ["--allow-net", "--allow-read"];
  await using server = ExampleProgram.deno("browser/serve.ts", ["0"], { permissions });
  const address = /http:\/\/127\.0\.0\.1:\d+\//.exec(await server.out.next())?.[0];
  const browser = await startBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(`${address}?hub=ws://127.0.0.1:${hubPort}/`);
    await page.getByRole("status").getByText("connected").waitFor();
    await action(page);
  } finally {
    await browser.close();
  }
}

async function subscribe(page: Page, pattern: string): Promise<void> {
  await page.getByLabel("Pattern").fill(pattern);
  await page.getByRole("button", { name: "Subscribe", exact: true }).click();
  await says(page, `Subscribed to ${pattern}`);
}

async function publish(page: Page, topic: string, payload: string): Promise<void> {
  await page.getByLabel("Topic").fill(topic);
  await page.getByLabel("Payload").fill(payload);
  await page.getByRole("button", { name: "Publish" }).click();
}

async function says(page: Page, text: string): Promise<void> {
  await page.locator("#outcome").getByText(text).waitFor();
}

async function shows(page: Page, text: string): Promise<void> {
  await page.locator("#messages").getByText(text, { exact: true }).first().waitFor();
}

const ignore = findChromium() === null;
// The driver of the browser keeps pipes and timers of its own until the process ends.
const sanitizers = { sanitizeOps: false, sanitizeResources: false };

Deno.test({
  name:
    "Example page: sees what Python publishes over TCP, and is heard there (needs chromium) (needs python3)",
  ignore: ignore || findPython() === null,
  ...sanitizers,
  fn: async () => {
    await using hub = await TestHub.start();
    await onPage(hub.port, async (page) => {
      await subscribe(page, "sensors.+.temp");
      const port = ["--port", `${hub.port}`];
      await using publisher = ExampleProgram.python("publish.py", [...port, "sensors.a.temp", "<b>21</b>"]);
      assert.equal((await publisher.ended()).code, 0);
      await shows(page, "sensors.a.temp <b>21</b>");
      await using subscriber = ExampleProgram.python("subscribe.py", [...port, "answers.#"]);
      assert.match(await subscriber.err.next(), /^Subscribed/);
      await publish(page, "answers.a", "thanks 🚀");
      await says(page, "Delivered: answers.a");
      assert.equal(await subscriber.out.next(), "answers.a thanks 🚀");
    });
  },
});

Deno.test({
  name: "Example page: sees bytes, ends a subscription, and shows the hub's errors (needs chromium)",
  ignore,
  ...sanitizers,
  fn: async () => {
    await using hub = await TestHub.start();
    await using other = await WsClient.connect(hub.url("/"));
    await onPage(hub.port, async (page) => {
      await subscribe(page, "a.b");
      await subscribe(page, "A.B");
      other.send(new Uint8Array([...new TextEncoder().encode("publish:a.b:1.0.0\n"), 0xff, 0x41]));
      await shows(page, "a.b 2 bytes that are no text");
      await page.getByRole("button", { name: "Unsubscribe" }).click();
      await hub.metricBecomes("trunkline_broker_subscriptions", 0);
      await publish(page, "a.b", "x");
      await says(page, "NO_ROUTE_FOUND: Nobody is subscribed to a.b");
      await publish(page, "a:b", "x");
      await says(page, "INVALID_TOPIC: ");
      await page.getByLabel("Pattern").fill("a.#.b");
      await page.getByRole("button", { name: "Subscribe", exact: true }).click();
      await says(page, "INVALID_REQUEST: Cannot read topic: it is no pattern");
    });
  },
});

Deno.test({
  name: "Example page: comes back when its hub stops, and subscribes again (needs chromium)",
  ignore,
  ...sanitizers,
  fn: async () => {
    await using first = await TestHub.start(["shutdown.spread=0s"]);
    await using second = await TestHub.start();
    await using door = await Door.open(first.port);
    await using other = await WsClient.connect(second.url("/"));
    await onPage(door.port, async (page) => {
      await subscribe(page, "a.+");
      await subscribe(page, "b.#");
      door.leadTo(second.port);
      await first.server.stop();
      await second.metricBecomes("trunkline_broker_subscriptions", 2);
      other.send("publish:a.x:1.0.0\nagain");
      other.send("publish:b:1.0.0\nthis too");
      await shows(page, "a.x again");
      await shows(page, "b this too");
      door.cut();
      await second.metricBecomes("trunkline_broker_subscriptions", 0);
      await second.metricBecomes("trunkline_broker_subscriptions", 2);
      other.send("publish:a.x:1.0.0\nand again");
      await shows(page, "a.x and again");
    });
  },
});

Deno.test({
  name: "Example page: tells what it lost while it was too slow (needs chromium)",
  ignore,
  ...sanitizers,
  fn: async () => {
    await using hub = await startSlowHub();
    await onPage(hub.port, async (page) => {
      await subscribe(page, "a.b");
      // A page stands still while it shows a dialog.
      const dialog = page.waitForEvent("dialog");
      await page.evaluate("setTimeout(() => alert('stop'))");
      await dialog;
      await publishUntilDropped(hub, "a.b");
      await (await dialog).accept();
      await page.locator("#messages").getByText(/^a\.b [1-9]\d* messages were lost/).first().waitFor();
    });
  },
});

Deno.test({
  name: "Example page: opened as a file it says what to do (needs chromium)",
  ignore,
  ...sanitizers,
  fn: async () => {
    const browser = await startBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(new URL("../../examples/browser/index.html", import.meta.url).href);
      await page.getByRole("status").getByText("Serve this folder by HTTP").waitFor();
    } finally {
      await browser.close();
    }
  },
});
