import type { Locator, Page } from "playwright-core";
import { startDemo } from "../../examples/demo/demo.ts";
import { startBrowser } from "../helpers/browser.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { testConfig } from "../helpers/test_hub.ts";
import { findChromium } from "../helpers/tools.ts";

const ABOVE_ZERO = /[1-9]/;
/** The browser, the hub and other tests share the machine. */
const PATIENCE_MS = 60_000;

/** Opens the load page of a demo; all ends with the action. */
async function onLoadPage(set: readonly string[], action: (page: Page) => Promise<void>): Promise<void> {
  const demo = await startDemo({
    config: testConfig(set),
    logger: new MemoryLogger(),
    page: { host: "127.0.0.1", port: 0 },
  });
  const browser = await startBrowser();
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(demo.loadUrl);
    await page.getByRole("status").getByText("live", { exact: true }).waitFor();
    await page.locator("#reader-state").getByText("reads everything").waitFor();
    await action(page);
  } finally {
    await browser.close();
    await demo.stop();
  }
}

/** Few messages that are long: what the sockets hold is full soon, and it costs little. */
async function flood(page: Page): Promise<void> {
  await page.getByLabel("Messages a second, at most").fill("500");
  await page.getByLabel("Bytes of each").fill("8192");
  await switchOf(page, "Flooder").check();
  await shows(page.locator("#messages-out"), ABOVE_ZERO);
  await shows(page.locator("#reader-rate"), ABOVE_ZERO);
}

function switchOf(page: Page, name: string): Locator {
  return page.getByRole("switch", { name });
}

async function shows(element: Locator, hasText: RegExp): Promise<void> {
  await element.filter({ hasText }).waitFor();
}

const ignore = findChromium() === null;
// The driver of the browser keeps pipes and timers of its own until the process ends.
const sanitizers = { sanitizeOps: false, sanitizeResources: false };

Deno.test({
  name: "Load page: a tab that stops reading is closed with 4413, the reader misses nothing (needs chromium)",
  ignore,
  ...sanitizers,
  fn: () =>
    onLoadPage([], async (page) => {
      await flood(page);
      for (const times of [/^1$/, /^2$/]) {
        await switchOf(page, "Slow tab").check();
        await shows(page.locator("#slow-state"), /closed with 4413/);
        await shows(page.locator("#closed-as-slow"), times);
        await page.getByRole("switch", { name: "Slow tab", checked: false }).waitFor();
      }
      await shows(page.locator("#queue-most"), ABOVE_ZERO);
      await shows(page.locator("#dropped-slow_consumer"), ABOVE_ZERO);
      await shows(page.locator("#reader-missed"), /^0$/);
    }),
});

Deno.test({
  name: "Load page: a tab that stops reading loses messages under drop_oldest (needs chromium)",
  ignore,
  ...sanitizers,
  fn: () =>
    onLoadPage(["hub.outbox.slow_consumer=drop_oldest"], async (page) => {
      await flood(page);
      await switchOf(page, "Slow tab").check();
      await shows(page.locator("#dropped-drop_oldest"), ABOVE_ZERO);
      await shows(page.locator("#queue"), ABOVE_ZERO);
      await shows(page.locator("#slow-state"), /stops reading/);
      await switchOf(page, "Slow tab").uncheck();
      await shows(page.locator("#connections"), /^2$/);
    }),
});

Deno.test({
  name: "Load page: says that metrics are off (needs chromium)",
  ignore,
  ...sanitizers,
  fn: async () => {
    const demo = await startDemo({
      config: testConfig(["metrics.enabled=false"]),
      logger: new MemoryLogger(),
      page: { host: "127.0.0.1", port: 0 },
    });
    const browser = await startBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(demo.loadUrl);
      await page.getByRole("status").getByText("set metrics.enabled to true").waitFor();
    } finally {
      await browser.close();
      await demo.stop();
    }
  },
});
