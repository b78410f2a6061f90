import assert from "node:assert/strict";
import { MessageIds } from "../../src/broker/message_ids.ts";

const EPOCH_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/;

function sequenceOf(id: string): number {
  return Number.parseInt(id.slice(20).replace("-", ""), 16);
}

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("Message ids: have version-4 form and hold epoch and sequence", () => {
  const ids = new MessageIds(EPOCH_MS, Uint8Array.of(0xab, 0xcd));
  assert.equal(ids.sequence, 0);
  const id = ids.nextText();
  assert.equal(id, "019b7ca9-8f2e-4bcd-8000-000000000001");
  assert.match(id, UUID_V4);
  assert.equal(Number.parseInt(id.slice(0, 13).replace("-", ""), 16), EPOCH_MS);
  assert.equal(ids.sequence, 1);
  assert.equal(new TextDecoder().decode(ids.next()), "019b7ca9-8f2e-4bcd-8000-000000000002");
});

Deno.test("Message ids: rise one by one, as numbers and as texts, over every carry", () => {
  const ids = new MessageIds(EPOCH_MS);
  let last = "";
  for (let sequence = 1; sequence <= 70_000; sequence++) {
    const next = ids.nextPosition;
    const id = ids.nextText();
    assert.equal(id, next);
    assert.equal(sequenceOf(id), sequence);
    assert.ok(id > last, `${id} comes after ${last}`);
    last = id;
  }
  assert.match(last, UUID_V4);
  assert.equal(ids.sequence, 70_000);
});

Deno.test("Message ids: carry over the hyphen, and leave version and variant alone", () => {
  const ids = new MessageIds(EPOCH_MS, Uint8Array.of(0, 1));
  // Counting there takes too long: the digits are set as if it had been done.
  new TextEncoder().encodeInto("8000-ffffffffffff", ids.next().subarray(19));
  assert.equal(textOf(ids.next()), "019b7ca9-8f2e-4001-8001-000000000000");
  new TextEncoder().encodeInto("8ffe-ffffffffffff", ids.next().subarray(19));
  assert.equal(textOf(ids.next()), "019b7ca9-8f2e-4001-8fff-000000000000");
});

Deno.test("Message ids: as text they are their bytes, however they are minted", () => {
  const ids = new MessageIds(EPOCH_MS);
  for (let at = 0; at < 20_000; at++) {
    if (at % 7 === 0) ids.next();
    const position = ids.nextPosition;
    assert.equal(ids.nextText(), position);
    assert.equal(ids.position, position);
  }
});

Deno.test("Message ids: a later epoch gives higher ones, two of the same time differ by chance", () => {
  const older = new MessageIds(EPOCH_MS);
  for (let i = 0; i < 1000; i++) older.next();
  assert.ok(new MessageIds(EPOCH_MS + 1).nextText() > older.nextText());
  const sameTime = new Set(Array.from({ length: 64 }, () => new MessageIds(EPOCH_MS).nextText()));
  assert.ok(sameTime.size > 32, `${sameTime.size} different ids of 64`);
});

Deno.test("Message ids: the highest random bits stay inside their field", () => {
  assert.equal(
    new MessageIds(EPOCH_MS, Uint8Array.of(0xff, 0xff)).nextText(),
    "019b7ca9-8f2e-4fff-8000-000000000001",
  );
});
