/** What `reply` does with requests, without a hub. */
import assert from "node:assert/strict";
import { Responder, type ResponderOptions } from "../../src/cli/responder.ts";
import { encodeTextMessage, parseTextMessage, type TextMessage } from "../../src/wire/text_message.ts";
import { MemoryIo } from "./memory_io.ts";

const onWindows = Deno.build.os === "windows";

function request(timeoutMs: number | null = null): TextMessage {
  const header = { action: "request", topic: "a", requestId: crypto.randomUUID(), timeoutMs } as const;
  const message = parseTextMessage(encodeTextMessage(header, "x"), { maxTimeoutMs: 1e9 });
  assert.equal(message.kind, "message");
  return message.kind === "message" ? message : assert.fail();
}

function responderWith(options: Partial<ResponderOptions>) {
  const io = new MemoryIo();
  const defaults = { exec: "cat", concurrency: 1, json: false, quiet: true };
  const responder = new Responder({ ...defaults, ...options }, io);
  const answers: string[] = [];
  const send = (payload: Uint8Array) => void answers.push(new TextDecoder().decode(payload));
  const take = (message = request()) => responder.take(message, { maxPayloadBytes: null, send });
  return { responder, io, answers, take };
}

Deno.test({
  name: "Responder: over its queue it answers at once that it is busy",
  ignore: onWindows,
  fn: async () => {
    const { responder, answers, take } = responderWith({ exec: "sleep 1000; true" });
    for (let i = 0; i < 1001; i++) take();
    assert.deepEqual(answers, []);
    take();
    const { error } = JSON.parse(answers[0] ?? "");
    assert.deepEqual([error.code, typeof error.timestamp], ["SERVICE_UNAVAILABLE", "string"]);
    responder.stop();
    await responder.finish();
    assert.equal(answers.length, 1);
  },
});

Deno.test({
  name: "Responder: takes as many as wanted, refuses the others, finishes what it took",
  ignore: onWindows,
  fn: async () => {
    const { responder, answers, take } = responderWith({ count: 2 });
    for (let i = 0; i < 3; i++) take();
    assert.equal(JSON.parse(answers[0] ?? "").error.code, "SERVICE_UNAVAILABLE");
    await responder.enough;
    await responder.finish();
    assert.deepEqual(answers.slice(1), ["x", "x"]);
  },
});

Deno.test({
  name: "Responder: a request whose time passed while it waited is not run any more",
  ignore: onWindows,
  fn: async () => {
    const { responder, answers, take } = responderWith({ exec: "sleep 1000; true" });
    take(request(30));
    take(request(1));
    await responder.finish();
    const messages = answers.map((answer) => JSON.parse(answer).error);
    assert.deepEqual(messages.map(({ code }) => code), ["TIMEOUT", "TIMEOUT"]);
    assert.match(messages[1].message, /within 1ms$/);
  },
});
