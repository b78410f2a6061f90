/** What every kind of login by token keeps to. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Authenticator, Identity } from "../../src/auth/authenticator.ts";
import { MAX_TOKEN_LENGTH } from "../../src/core/login_limits.ts";

/** One kind, ready to be asked. */
export interface Candidate extends AsyncDisposable {
  readonly authenticator: Authenticator;
  /** A token that it takes. */
  readonly good: string;
  /** Whom that proves. */
  readonly identity: Identity;
}

/** Adds the tests of the contract for one kind. */
export function testContract(name: string, make: () => Promise<Candidate> | Candidate): void {
  const test = (behaviour: string, run: (candidate: Candidate) => Promise<void>) =>
    Deno.test(`${name}: ${behaviour}`, async () => {
      await using candidate = await make();
      await run(candidate);
    });

  test("takes a good token, each time anew, and says whom it proves", async (candidate) => {
    const { authenticator, good, identity } = candidate;
    for (let time = 0; time < 3; time++) {
      assert.deepEqual(await authenticator.authenticate(good), { kind: "accepted", identity });
    }
    assert.equal(identity.method, authenticator.name);
  });

  test("takes no text but a token, and does not reject", async ({ authenticator }) => {
    const texts = fc.oneof(fc.string({ unit: "binary" }), fc.base64String(), jwtLikeTexts());
    await fc.assert(fc.asyncProperty(texts, async (text) => {
      assert.notEqual((await authenticator.authenticate(text)).kind, "accepted");
    }));
  });

  test("takes no token of which one character is another", async ({ authenticator, good }) => {
    const changes = fc.tuple(fc.nat(good.length - 1), fc.constantFrom(..."aB3-_.= \0é"));
    await fc.assert(fc.asyncProperty(changes, async ([at, character]) => {
      const changed = good.slice(0, at) + character + good.slice(at + 1);
      fc.pre(changed !== good);
      assert.notEqual((await authenticator.authenticate(changed)).kind, "accepted");
    }));
  });

  test("takes no part of a token, nor more than it", async ({ authenticator, good }) => {
    const longer = [`${good}a`, `${good} `, ` ${good}`, `${good}\n`, good + good, good.toUpperCase()];
    for (const text of ["", good.slice(1), good.slice(0, -1), ...longer]) {
      assert.notEqual((await authenticator.authenticate(text)).kind, "accepted", text);
    }
  });

  test("refuses what is too long before it looks at it", async ({ authenticator, good }) => {
    for (const text of ["x".repeat(MAX_TOKEN_LENGTH + 1), good + ".".repeat(MAX_TOKEN_LENGTH)]) {
      const answer = await authenticator.authenticate(text);
      assert.deepEqual(answer, { kind: "refused", reason: "malformed" });
    }
  });
}

function jwtLikeTexts(): fc.Arbitrary<string> {
  const part = fc.json().map((json) => btoa(unescape(encodeURIComponent(json))).replace(/=+$/, ""));
  return fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("."));
}
