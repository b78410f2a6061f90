/** Commands at a hub that asks for logins: what a token opens, and how a refusal is told. */
import assert from "node:assert/strict";
import { TestCertificates } from "../helpers/certificates.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { run, startReply, startSub } from "./commands.ts";
import { waysTo } from "./ways.ts";

const [READER, WRITER] = ["token-of-the-reader", "token-of-the-writer"];
const LOGINS = [
  { token: READER, subject: "reader", permissions: { subscribe: ["news.#"], request: ["sum"] } },
  { token: WRITER, subject: "writer", permissions: { publish: ["news.#"], serve: ["sum"] } },
];
const SETTINGS = [
  "auth.mode=required",
  `auth.tokens=${JSON.stringify(LOGINS)}`,
  "auth.lockout.threshold=1000",
];

/** Runs a test over all schemes, with the options that reach the hub. */
async function overAllWithLogins(test: (scheme: string, to: string[]) => Promise<void>): Promise<void> {
  using certificates = await TestCertificates.create();
  for (const used of [null, certificates]) {
    await using hub = await TestHub.start([...SETTINGS, ...used?.settings ?? []]);
    for (const [scheme, to] of waysTo(hub, used)) await test(scheme, to);
  }
}

Deno.test("Commands with a token: sub, pub, request and reply do what it allows", async () => {
  await overAllWithLogins(async (scheme, to) => {
    const [reader, writer] = [[...to, "--token", READER], [...to, "--token", WRITER]];
    const sub = await startSub(["news.+", "--count", "1", ...reader]);
    const pub = await run(["pub", "news.today", "hello", ...writer]);
    assert.deepEqual([pub.code, pub.io.errors], [0, ""], scheme);
    assert.equal(await sub.ended, 0);
    assert.match(sub.io.text, /^news\.today hello$/m);
    if (Deno.build.os === "windows") return;
    const reply = await startReply(["sum", "--exec", "cat", "--count", "1", ...writer]);
    const asked = await run(["request", "sum", "1+1", ...reader]);
    assert.deepEqual([asked.code, new TextDecoder().decode(asked.io.bytes)], [0, "1+1"], asked.io.errors);
    assert.equal(await reply.ended, 0);
  });
});

const COMMANDS: readonly (readonly string[])[] = [
  ["pub", "news.today", "x"],
  ["sub", "news.#"],
  ["request", "sum", "x"],
  ["reply", "sum", "--exec", "cat"],
  ["services"],
];

Deno.test("Commands with a token that is none, or without one, end with 4 and say what to do", async () => {
  await overAllWithLogins(async (scheme, to) => {
    for (const command of COMMANDS) {
      for (const token of [["--token", "open-sesame"], []]) {
        const { code, io } = await run([...command, ...to, ...token]);
        const what = `${scheme} ${command[0]} ${token}`;
        assert.deepEqual([code, io.text], [4, ""], `${what}: ${io.errors}`);
        assert.match(io.errors, /--token|the token is valid/, what);
        assert.doesNotMatch(io.errors, /sesame/, what);
      }
    }
  });
});

Deno.test("Commands with a token that does not allow it end with 4 and name the right", async () => {
  await overAllWithLogins(async (scheme, to) => {
    const forbidden = [
      [["pub", "news.today", "x"], READER, "publish"],
      [["sub", "news.#"], WRITER, "subscribe"],
      [["request", "sum", "x"], WRITER, "request"],
      [["reply", "sum", "--exec", "cat"], READER, "serve"],
    ] as const;
    for (const [command, token, right] of forbidden) {
      const { code, io } = await run([...command, ...to, "--token", token]);
      assert.equal(code, 4, `${scheme} ${command[0]}: ${io.errors}`);
      assert.match(io.errors, new RegExp(`FORBIDDEN.*no right to ${right}`), scheme);
    }
  });
});

Deno.test("Commands say when too many logins from here failed", async () => {
  await using hub = await TestHub.start([...SETTINGS, "auth.lockout.threshold=1"]);
  const ways = [...waysTo(hub, null)];
  const [first] = ways;
  assert.ok(first !== undefined);
  assert.equal((await run(["services", ...first[1], "--token", "a-guess"])).code, 4);
  for (const [scheme, to] of ways) {
    const { code, io } = await run(["services", ...to, "--token", WRITER]);
    assert.equal(code, 4, scheme);
    assert.match(
      io.errors,
      /^Cannot log in at \S+: too many failed logins from this address; try again in [1-9]\d* s$/,
      scheme,
    );
  }
});

Deno.test("Commands tell why the hub refused the login, over every transport", async () => {
  await overAllWithLogins(async (scheme, to) => {
    const { code, io } = await run(["services", ...to, "--token", "a-guess"]);
    assert.equal(code, 4, scheme);
    assert.match(io.errors, /\(The token is not accepted\)/, scheme);
  });
});

Deno.test("A command whose login is revoked ends with 4", async () => {
  await using hub = await TestHub.start(SETTINGS);
  for (const [scheme, to] of waysTo(hub, null)) {
    const sub = await startSub(["news.#", ...to, "--token", READER]);
    const without = JSON.stringify(LOGINS.filter(({ token }) => token !== READER));
    await hub.reload(["auth.mode=required", `auth.tokens=${without}`]);
    assert.equal(await sub.ended, 4, scheme);
    assert.match(sub.io.errors, /4401, The login was revoked.*--token/);
    await hub.reload(SETTINGS);
  }
});

Deno.test("Commands whose right is taken away say so, and end with 4 when nothing is left of them", async () => {
  const loginsWith = (permissions: object) =>
    `auth.tokens=${JSON.stringify([{ token: READER, subject: "reader", permissions }])}`;
  const all = { subscribe: ["news.#", "other.#"], serve: ["sum"] };
  await using hub = await TestHub.start(["auth.mode=required", loginsWith(all)]);
  const to = ["--url", `ws://127.0.0.1:${hub.port}`, "--token", READER];
  const both = await startSub(["news.#", "other.#", "--json", ...to]);
  const reply = Deno.build.os === "windows" ? null : await startReply(["sum", "--exec", "cat", ...to]);
  await hub.reload(["auth.mode=required", loginsWith({ subscribe: ["news.#"] })]);
  await both.io.says(/^The right to other\.# was taken away$/m);
  if (reply !== null) {
    assert.equal(await reply.ended, 4);
    assert.match(reply.io.errors, /The right to sum was taken away/);
  }
  await hub.reload(["auth.mode=required", loginsWith({})]);
  assert.equal(await both.ended, 4);
  assert.match(both.io.errors, /^The right to news\.# was taken away$/m);
  assert.equal(both.io.text, "", "it is no message");
});
