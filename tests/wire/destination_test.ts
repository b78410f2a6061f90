import assert from "node:assert/strict";
import fc from "fast-check";
import { type Destination, KNOWN_DESTINATIONS, KnownDestinations } from "../../src/wire/destination.ts";
import { parseTextMessage } from "../../src/wire/text_message.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

function destination(text: string): Destination {
  const [topic = "", version = ""] = text.split(":");
  return { topicKey: topic.toLowerCase(), topic, version, bytes: bytesOf(text) };
}

Deno.test("Known destinations: a message is read the same with them, whatever was read before", () => {
  const topic = fc.constantFrom("a", "A", "a.b", "orders.new", "1a", "", "a..b", `a${"b".repeat(255)}`);
  const version = fc.constantFrom("1.0.0", "01.0.0", "1.0", "", "1.0.0.0");
  const rest = fc.constantFrom("", ":00000000-0000-4000-8000-000000000001", ":x", ":::5");
  const action = fc.constantFrom("publish", "request", "other");
  const text = fc.tuple(action, topic, version, rest).map(([action, topic, version, rest]) =>
    bytesOf(`${action}:${topic}:${version}${rest}\nx`)
  );
  const destinations = new KnownDestinations();
  fc.assert(
    fc.property(fc.array(text, { maxLength: 30 }), (texts) => {
      for (const bytes of texts) {
        const alone = parseTextMessage(bytes, { maxTimeoutMs: 10 });
        const known = parseTextMessage(bytes, { maxTimeoutMs: 10, destinations });
        if (alone.kind === "malformed" || known.kind === "malformed") {
          assert.deepEqual(known, alone);
          continue;
        }
        assert.deepEqual(known.destination, alone.destination);
        assert.deepEqual([known.action, known.requestId, known.timeoutMs], [
          alone.action,
          alone.requestId,
          alone.timeoutMs,
        ]);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("Known destinations: what was read lately is the same object, found by its bytes wherever they lie", () => {
  const known = new KnownDestinations();
  const one = destination("Orders.New:1.0.0");
  const bytes = bytesOf("publish:Orders.New:1.0.0\n");
  assert.equal(known.find(bytes, 8, 24), undefined);
  known.keep(one);
  assert.equal(known.find(bytes, 8, 24), one);
  assert.equal(known.find(bytesOf("orders.new:1.0.0"), 0, 16), undefined);
  assert.equal(known.find(bytes, 8, 23), undefined);
});

Deno.test("Known destinations: a peer that names ever more of them makes others forgotten and nothing larger", () => {
  const known = new KnownDestinations();
  const all = Array.from({ length: 20_000 }, (_, i) => destination(`topic.t${i}:1.0.0`));
  for (const one of all) known.keep(one);
  const found = all.filter(({ bytes }) => known.find(bytes, 0, bytes.length) !== undefined);
  assert.ok(found.length > 0 && found.length <= KNOWN_DESTINATIONS, `${found.length} are known`);
});
