/** Plays the examples of the CloudBridge handshake in docs/protocol.md against a hub, line by line. */
import assert from "node:assert/strict";
import { JsonClient } from "../helpers/json_client.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { ExchangeText } from "./exchange_text.ts";

const SETTINGS = "hub: ";
const document = Deno.readTextFileSync(new URL("../../docs/protocol.md", import.meta.url));
const examples = [...document.matchAll(/^```lines\n(.*?)^```$/gms)].map(([, lines = ""]) => lines);

async function play(lines: readonly string[]): Promise<void> {
  const settings = lines.filter((line) => line.startsWith(SETTINGS));
  await using hub = await TestHub.start(settings.flatMap((line) => line.slice(SETTINGS.length).split(" ")));
  await using client = await JsonClient.connect({ port: hub.port });
  const text = new ExchangeText();
  for (const line of lines) {
    const [, direction, content = ""] = /^client([<>]) (.*)$/.exec(line) ?? [];
    if (line.startsWith(SETTINGS)) continue;
    assert.ok(direction !== undefined, `cannot read "${line}"`);
    if (direction === ">") {
      await client.send(new TextDecoder().decode(text.bytesOf(content)));
      continue;
    }
    const answer = await client.nextLine();
    if (content === "end") assert.equal(answer, null);
    else text.assertMatches(content, new TextEncoder().encode(answer ?? "the end"));
  }
}

Deno.test("Docs: the examples of JSON lines are what a hub says", async () => {
  assert.ok(examples.length >= 2);
  for (const lines of examples) {
    await play(lines.split("\n").filter((line) => line !== "" && !line.startsWith("#")));
  }
});
