import assert from "node:assert/strict";
import { ForwardedRequest, HubMessage } from "../../src/broker/outgoing.ts";
import { Slab } from "../../src/wire/slab.ts";
import { concat } from "../helpers/prefixed.ts";
import { decoderOf } from "../wire/frames.ts";

const header = { action: "request", topic: "a.b", requestId: null } as const;
const destination = {
  topicKey: "a.b",
  topic: "a.b",
  version: "1.0.0",
  bytes: new TextEncoder().encode("a.b:1.0.0"),
};

Deno.test("Outgoing messages: a text message goes as one Message frame, encoded once", () => {
  const large = new Uint8Array(5000).fill(0xff);
  const content = { destination, payload: large, isKnownText: false, timeoutMs: null };
  const messages = [
    { message: new HubMessage(header, "{}"), payload: new TextEncoder().encode("{}"), isText: true },
    { message: new ForwardedRequest(content, null, new Slab()), payload: large, isText: false },
  ];
  for (const { message, payload, isText } of messages) {
    const encoded = message.encodedFor("frames");
    assert.equal(message.encodedFor("frames"), encoded);
    const { decoder, sink } = decoderOf();
    const bytes = concat(encoded.parts);
    assert.equal(encoded.bytes, bytes.length);
    assert.equal(decoder.feed(bytes), bytes.length);
    const text = concat([new TextEncoder().encode("request:a.b:1.0.0\n"), payload]);
    assert.deepEqual(sink.frames, [{ kind: "message", message: text, isText }]);
  }
});
