import assert from "node:assert/strict";
import { HeldMessages } from "../../src/cli/held_messages.ts";
import { encodeTextMessage, parseTextMessage, type TextMessage } from "../../src/wire/text_message.ts";

function message(topic: string): TextMessage {
  const read = parseTextMessage(encodeTextMessage({ action: "publish", topic }, ""), { maxTimeoutMs: 1 });
  assert.ok(read.kind === "message");
  return read;
}

Deno.test("Held messages: what comes behind an answer is taken when that was read", async () => {
  const taken: string[] = [];
  const held = new HeldMessages(({ topic }) => taken.push(topic));
  held.take(message("before"));
  const answer = Promise.withResolvers<string>();
  const read = held.until(answer.promise, (text) => taken.push(text));
  held.take(message("behind"));
  answer.resolve("answer");
  await read;
  held.take(message("after"));
  assert.deepEqual(taken, ["before", "answer", "behind", "after"]);
});
