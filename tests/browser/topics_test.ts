import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { startDemo } from "../../examples/demo/demo.ts";
import { startBrowser } from "../helpers/browser.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { testConfig } from "../helpers/test_hub.ts";
import { findChromium } from "../helpers/tools.ts";
import { WsClient } from "../helpers/ws_client.ts";

const ABOVE_ZERO = /[1-9]/;
const ID = "11111111-2222-4333-8444-555555555555";

/** What a test works with: the page, and a second client of the same broker that was greeted already. */
interface Stage {
  readonly page: Page;
  readonly other: WsClient;
}

/** Opens the topics page of a demo; all ends with the action. */
async function onTopicsPage(action: (stage: Stage) => Promise<void>): Promise<void> {
  const demo = await startDemo({
    config: testConfig(),
    logger: new MemoryLogger(),
    page: { host: "127.0.0.1", port: 0 },
  });
  const browser = await startBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(demo.topicsUrl);
    await page.locator("#status").getByText("connected", { exact: true }).waitFor();
    assert.ok(demo.brokerUrl);
    await using other = await WsClient.connect(demo.brokerUrl);
    assert.match(String(await other.next()), /^publish:system\.initialize:/);
    await action({ page, other });
  } finally {
    await browser.close();
    await demo.stop();
  }
}

async function subscribe(page: Page, pattern: string, group = ""): Promise<void> {
  await page.getByLabel("Pattern").fill(pattern);
  await page.getByLabel("Group, if any").fill(group);
  await page.getByRole("button", { name: "Subscribe", exact: true }).click();
}

async function publish(page: Page, topic: string, payload: string): Promise<void> {
  await page.getByRole("textbox", { name: "Topic" }).fill(topic);
  await page.getByLabel("Payload").fill(payload);
  await page.getByRole("button", { name: "Publish" }).click();
}

async function says(page: Page, outcome: "subscribe" | "publish", text: string): Promise<void> {
  await page.locator(`#${outcome}-outcome`).getByText(text).waitFor();
}

/** The messages that the page shows, the oldest first, once there are so many. */
async function messages(page: Page, count: number): Promise<string[]> {
  const rows = page.locator("#messages li");
  await rows.nth(count - 1).waitFor();
  const shown = await rows.evaluateAll((all) => all.map((row) => row.textContent ?? ""));
  return shown.map((text) => text.replace(/^\d\d:\d\d:\d\d/, "")).reverse();
}

const ignore = findChromium() === null;
// The driver of the browser keeps pipes and timers of its own until the process ends.
const sanitizers = { sanitizeOps: false, sanitizeResources: false };

Deno.test({
  name: "Topics page: shows what others publish to its patterns, until it unsubscribes (needs chromium)",
  ignore,
  ...sanitizers,
  fn: () =>
    onTopicsPage(async ({ page, other }) => {
      await subscribe(page, "sensors.+.temp");
      await says(page, "subscribe", "Subscribed to sensors.+.temp");
      await subscribe(page, "marks.#", "readers");
      await says(page, "subscribe", "Subscribed to marks.#");
      other.send("publish:sensors.a.temp:1.0.0\n21");
      other.send("publish:sensors.a.temp:1.0.0\n<img src=x onerror=alert(1)>");
      other.send("publish:sensors.a.b.temp:1.0.0\nnot for the page");
      const seen = ["sensors.a.temp21", "sensors.a.temp<img src=x onerror=alert(1)>"];
      assert.deepEqual(await messages(page, 2), seen);
      assert.equal(await page.locator("#counts").innerText(), "sensors.a.temp\n2");

      await page.getByRole("button", { name: "Unsubscribe from sensors.+.temp" }).click();
      await says(page, "subscribe", "Unsubscribed from sensors.+.temp");
      other.send(`publish:sensors.a.temp:1.0.0:${ID}\n22`);
      assert.match(String(await other.next()), /^response:sensors\.a\.temp:.*NO_ROUTE_FOUND/s);
      other.send("publish:marks.end:1.0.0\nthe end");
      assert.deepEqual(await messages(page, 3), [...seen, "marks.endthe end"]);
    }),
});

Deno.test({
  name: "Topics page: what it publishes reaches others, and it says when there are none (needs chromium)",
  ignore,
  ...sanitizers,
  fn: () =>
    onTopicsPage(async ({ page, other }) => {
      await publish(page, "greetings.page", "hello");
      await says(page, "publish", "NO_ROUTE_FOUND: Nobody is subscribed to greetings.page");
      other.send(`request:system.topic.subscribe:1.0.0:${ID}\n{"topic":"greetings.+"}`);
      assert.match(String(await other.next()), /"status":"success"/);
      await publish(page, "greetings.page", "hello 🚀");
      await says(page, "publish", "Delivered to greetings.page");
      assert.match(String(await other.next()), /^publish:greetings\.page:1\.0\.0:\S+\nhello 🚀$/);
    }),
});

Deno.test({
  name: "Topics page: shows the hub's error for a malformed pattern or topic (needs chromium)",
  ignore,
  ...sanitizers,
  fn: () =>
    onTopicsPage(async ({ page }) => {
      await subscribe(page, "sensors.#.temp");
      await says(page, "subscribe", "INVALID_REQUEST: Cannot read topic: it is no pattern");
      assert.equal(await page.locator("#subscriptions li").count(), 0);
      await publish(page, "no topic", "x");
      await says(page, "publish", 'MALFORMED_MESSAGE: Cannot read the topic "no topic"');
    }),
});

Deno.test({
  name: "Topics page: sensors publish, and the members of a group share it (needs chromium)",
  ignore,
  ...sanitizers,
  fn: () =>
    onTopicsPage(async ({ page }) => {
      await page.getByRole("switch", { name: "Sensors" }).check();
      await page.locator("#sensors-unmatched").filter({ hasText: ABOVE_ZERO }).waitFor();
      await page.getByRole("switch", { name: "Queue group" }).check();
      for (const worker of ["worker-1", "worker-2"]) {
        await page.locator(`#${worker}`).filter({ hasText: ABOVE_ZERO }).waitFor();
      }
      await subscribe(page, "sensors.+.temp");
      assert.match((await messages(page, 1))[0] ?? "", /^sensors\.[a-z]+\.temp\d+\.\d$/);
      await page.getByRole("switch", { name: "Queue group" }).uncheck();
      await page.getByRole("switch", { name: "Sensors" }).uncheck();
      assert.equal(await page.locator("#sensors-state").innerText(), "off");
    }),
});

Deno.test({
  name: "Topics page: says that the broker is off (needs chromium)",
  ignore,
  ...sanitizers,
  fn: async () => {
    const demo = await startDemo({
      config: testConfig(["broker.enabled=false"]),
      logger: new MemoryLogger(),
      page: { host: "127.0.0.1", port: 0 },
    });
    const browser = await startBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(demo.topicsUrl);
      await page.locator("#status").getByText("set broker.enabled to true").waitFor();
      assert.ok(await page.getByRole("button", { name: "Publish" }).isDisabled());
    } finally {
      await browser.close();
      await demo.stop();
    }
  },
});
