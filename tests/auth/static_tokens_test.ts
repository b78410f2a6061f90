import assert from "node:assert/strict";
import { inspect } from "node:util";
import {
  keyedDigests,
  type StaticToken,
  StaticTokens,
  type TokenDigests,
} from "../../src/auth/static_tokens.ts";

function token(text: string, subject = "alice"): StaticToken {
  return { token: text, subject, account: null, tenant: null, roles: [], permissions: null };
}

/** Counts what is done. */
class CountingDigests implements TokenDigests {
  readonly #digests = keyedDigests();
  digests = 0;
  comparisons = 0;

  digest(text: string): Uint8Array {
    this.digests++;
    return this.#digests.digest(text);
  }

  isEqual(one: Uint8Array, other: Uint8Array): boolean {
    this.comparisons++;
    assert.equal(one.length, other.length);
    assert.ok(one !== other, "a hash is compared with itself");
    return this.#digests.isEqual(one, other);
  }
}

Deno.test("StaticTokens: a known token and an unknown one cost one hash and one comparison each", async () => {
  const digests = new CountingDigests();
  const tokens = new StaticTokens(Array.from({ length: 100 }, (_, at) => token(`token-${at}`)), digests);
  for (
    const [text, kind] of [["token-99", "accepted"], ["token-100", "not_mine"], ["t", "not_mine"]] as const
  ) {
    Object.assign(digests, { digests: 0, comparisons: 0 });
    assert.equal((await tokens.authenticate(text)).kind, kind);
    assert.deepEqual([digests.digests, digests.comparisons], [1, 1], text);
  }
});

Deno.test("StaticTokens: hashes of one process say nothing about those of another", () => {
  const [one, other] = [keyedDigests().digest("token"), keyedDigests().digest("token")];
  assert.equal(one.length, 32);
  assert.notDeepEqual(one, other);
});

Deno.test("StaticTokens: a hash that is not the same lets nobody in, even if it has the same name", async () => {
  const tokens = new StaticTokens([token("one")], { digest: () => new Uint8Array(32), isEqual: () => false });
  assert.deepEqual(await tokens.authenticate("one"), { kind: "not_mine" });
});

Deno.test("StaticTokens: of equal tokens the first counts, and tokens are not kept", async () => {
  const tokens = new StaticTokens([token("same", "first"), token("same", "second")]);
  const answer = await tokens.authenticate("same");
  assert.equal(answer.kind === "accepted" && answer.identity.subject, "first");
  assert.doesNotMatch(inspect(tokens, { showHidden: true, depth: 9 }), /same/);
});
