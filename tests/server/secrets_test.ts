/**
 * Runs attacks and good logins with logs and audit at their most talkative, and looks for every secret that was used in
 * everything that was written or answered.
 */
import assert from "node:assert/strict";
import { JsonClient } from "../helpers/json_client.ts";
import { RawClient } from "../helpers/raw_client.ts";
import { TextClient } from "../helpers/text_client.ts";
import { run } from "../cli/commands.ts";
import { newId } from "../broker/broker_client.ts";
import { DOOR_ATTACKS, URL_ATTACKS } from "./attacks/door_attacks.ts";
import { REVOCATION_ATTACKS } from "./attacks/lifetime_attacks.ts";
import { rightAttacks } from "./attacks/right_attacks.ts";
import { AttackScene, base64url, bearer, type Fields, knockText, offered, TOKENS } from "./attacks/scene.ts";
import { GUESS, QUERY_ATTACKS, QUERY_TOKEN } from "./attacks/setting_attacks.ts";
import { TENANT_ATTACKS } from "./attacks/tenant_attacks.ts";

const GUESSED = "guess-that-no-log-may-hold";

/** Fails when a text holds a secret, without saying which, as the message could be logged. */
function assertHoldsNone(
  text: string,
  { secrets, what }: { secrets: readonly string[]; what: string },
): void {
  secrets.forEach((secret, at) => assert.ok(!text.includes(secret), `${what} holds secret ${at}`));
}

/** The same secrets as they stand in a subprotocol, in Basic and in a URL. */
function withTheirForms(secrets: readonly string[]): readonly string[] {
  return secrets.flatMap((secret) => [secret, base64url(secret), encodeURIComponent(secret)]);
}

async function answerToKnock(port: number, fields: Fields, path: string): Promise<string> {
  using client = await RawClient.connect(port);
  await client.write(knockText(fields, path));
  const head = await client.readHead();
  // Who was let in would be served for ever.
  if (head.includes(" 101 ")) await client.finish();
  return head + await client.readText();
}

/** All that the hub answers to somebody who shows a token in every way, word for word. */
async function answersTo({ hub: { port } }: AttackScene, token: string): Promise<string> {
  const shown: Fields[] = [[bearer(token)], [offered(token)], [bearer(token), offered(token)]];
  const browsers = shown.map((fields): Fields => [...fields, ["Origin", "http://127.0.0.1"]]);
  const answers: string[] = [];
  for (const path of ["/", `/relay?access_token=${token}`, `/nowhere/${token}`, `/relay/${token}`]) {
    for (const fields of [...shown, ...browsers]) answers.push(await answerToKnock(port, fields, path));
  }
  await using text = await TextClient.connect({ port });
  for (const payload of [{ token }, { token: [token] }, { token, tenant: "blue" }, `{"token":"${token}`]) {
    const body = typeof payload === "string" ? payload : JSON.stringify(payload);
    await text.send(`request:system.authenticate:1.0.0:${newId()}\n${body}`);
  }
  text.finish();
  answers.push(...await text.rest());
  await using lines = await JsonClient.connect({ port });
  await lines.ask({ type: "hello", version: "1.0" });
  for (const more of [{}, { tenant_id: "blue" }, { token: [token] }]) {
    answers.push(JSON.stringify(await lines.ask({ type: "auth", token, ...more })));
  }
  answers.push(JSON.stringify(await lines.ask(`{"type":"auth","token":"${token}"`)));
  return answers.join("\n");
}

async function everythingWritten(
  scene: AttackScene,
  auditPath: string,
): Promise<Record<"the log" | "the audit log" | "the metrics", string>> {
  const response = await fetch(`http://127.0.0.1:${scene.hub.metricsPort}/metrics`);
  const metrics = await response.text();
  await scene.hub.server.stop();
  return {
    "the log": scene.logged.join("\n"),
    "the audit log": await Deno.readTextFile(auditPath),
    "the metrics": metrics,
  };
}

for (const logFormat of ["json", "pretty"] as const) {
  for (const believes of ["keys", "secret"] as const) {
    Deno.test(`Secrets: none is written or answered (${logFormat}, ${believes})`, async () => {
      const folder = await Deno.makeTempDir({ prefix: "trunkline-secrets-" });
      const auditPath = `${folder}/audit.log`;
      const takesUrls = believes === "keys";
      const set = [...takesUrls ? QUERY_TOKEN : [], `logging.audit=${auditPath}`];
      await using scene = await AttackScene.start({ believes, logFormat, set });
      // What these are refused with is another test's matter; here nothing but their traces counts.
      const attacks = [...DOOR_ATTACKS, ...rightAttacks("text"), ...TENANT_ATTACKS];
      const inUrls = takesUrls ? QUERY_ATTACKS : URL_ATTACKS;
      for (const { act } of [...attacks, ...inUrls, ...REVOCATION_ATTACKS]) await act(scene);
      const tokens = [
        GUESSED,
        TOKENS.reader,
        scene.token(),
        scene.token({ aud: "else" }),
        scene.token({ exp: 1 }),
      ];
      const answers: string[] = [];
      for (const token of tokens) answers.push(await answersTo(scene, token));
      const secrets = withTheirForms([...scene.secrets, GUESSED, GUESS]);
      assertHoldsNone(answers.join("\n"), { secrets, what: "an answer" });
      const written = await everythingWritten(scene, auditPath);
      for (const [what, text] of Object.entries(written)) assertHoldsNone(text, { secrets, what });
      // That nothing was found is worth something only where much was written.
      assert.ok(written["the audit log"].split("\n").length > 50);
      assert.match(written["the audit log"], /"login_refused"/);
      assert.match(written["the log"], /The hub is ready/);
      assert.match(answers.join("\n"), /HTTP\/1\.1 401 [\s\S]*UNAUTHORIZED[\s\S]*invalid_token/);
      await Deno.remove(folder, { recursive: true });
    });
  }
}

Deno.test("Secrets: the printed configuration holds none", async () => {
  for (const believes of ["keys", "secret"] as const) {
    await using scene = await AttackScene.start({ believes });
    const set = scene.settings.flatMap((setting) => ["--set", setting]);
    for (const more of [[], ["--json"]]) {
      const { code, io } = await run(["config", ...set, ...more]);
      assert.equal(code, 0, io.errors);
      assert.match(io.text, /reader/);
      assertHoldsNone(io.text + io.errors, { secrets: scene.secrets, what: "the configuration" });
    }
    // A mistake beside a secret does not tell it either.
    const wrong = await run(["check", ...set, "--set", "auth.multi_tenant=false"]);
    assert.equal(wrong.code, 2);
    assertHoldsNone(wrong.io.text + wrong.io.errors, { secrets: scene.secrets, what: "what is wrong" });
  }
});
