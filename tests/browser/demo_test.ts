import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { startDemo } from "../../examples/demo/demo.ts";
import { startBrowser } from "../helpers/browser.ts";
import { TestCertificates } from "../helpers/certificates.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { testConfig } from "../helpers/test_hub.ts";
import { findChromium } from "../helpers/tools.ts";

async function openTab(browser: Browser, { url, name }: { url: string; name: string }): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(url);
  await page.getByRole("status").getByText("connected", { exact: true }).waitFor();
  await page.getByLabel("Name").fill(name);
  return page;
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

async function shown(page: Page, count: number): Promise<string[]> {
  const items = page.locator("#messages li");
  await items.nth(count - 1).waitFor();
  return await items.allInnerTexts();
}

async function chatInTwoTabs(set: readonly string[], trusted?: string): Promise<string> {
  const demo = await startDemo({
    config: testConfig(set),
    logger: new MemoryLogger(),
    page: { host: "127.0.0.1", port: 0 },
  });
  const browser = await startBrowser(trusted === undefined ? {} : { trusted });
  try {
    const alice = await openTab(browser, { url: demo.pageUrl, name: "Alice" });
    const bob = await openTab(browser, { url: demo.pageUrl, name: "Bob" });
    await say(alice, "hello <b>Bob</b>");
    await shown(bob, 1);
    await say(bob, "hello Alice 🚀");
    const expected = ["Alice hello <b>Bob</b>", "Bob hello Alice 🚀"];
    for (const page of [alice, bob]) {
      assert.deepEqual((await shown(page, 2)).map((text) => text.replace(/\s+/g, " ")), expected);
    }
    return demo.relayUrl;
  } finally {
    await browser.close();
    await demo.stop();
  }
}

const ignore = findChromium() === null;
// The driver of the browser keeps pipes and timers of its own until the process ends.
const sanitizers = { sanitizeOps: false, sanitizeResources: false };

Deno.test({
  name: "Demo page: two tabs chat over ws (needs chromium)",
  ignore,
  ...sanitizers,
  fn: async () => assert.match(await chatInTwoTabs([]), /^ws:/),
});

Deno.test({
  name: "Demo page: two tabs chat over wss with a certificate of an own authority (needs chromium)",
  ignore,
  ...sanitizers,
  fn: async () => {
    using certificates = await TestCertificates.create();
    assert.match(await chatInTwoTabs(certificates.settings, certificates.cert), /^wss:/);
  },
});

Deno.test({
  name: "Demo page: wss with a certificate that nobody trusts does not connect (needs chromium)",
  ignore,
  ...sanitizers,
  fn: async () => {
    using certificates = await TestCertificates.create();
    const demo = await startDemo({
      config: testConfig(certificates.settings),
      logger: new MemoryLogger(),
      page: { host: "127.0.0.1", port: 0 },
    });
    const browser = await startBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(demo.pageUrl);
      await page.getByRole("status").getByText("not connected").waitFor();
    } finally {
      await browser.close();
      await demo.stop();
    }
  },
});
