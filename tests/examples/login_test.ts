/** The example programs at a hub that asks for logins: the token of their environment logs in. */
import assert from "node:assert/strict";
import { Trunkline } from "../../examples/browser/trunkline.js";
import { TestHub } from "../helpers/test_hub.ts";
import { ExampleProgram } from "./example_program.ts";
import { python, PYTHON_NEEDED } from "./languages.ts";

const TOKEN = "token~of+an/example==";
const LOGIN = [{ token: TOKEN, subject: "example", permissions: { publish: ["a.#"], subscribe: ["a.#"] } }];
const SETTINGS = ["auth.mode=required", `auth.tokens=${JSON.stringify(LOGIN)}`];

/** Publishes to nobody, which tells whether the hub took the login. */
function publish(language: "Deno" | "Python", port: number, token: string | null): ExampleProgram {
  const env = token === null ? {} : { TRUNKLINE_TOKEN: token };
  if (language === "Python") {
    return ExampleProgram.python("publish.py", ["--port", `${port}`, "a.b", "x"], { env });
  }
  const permissions = ["--allow-net", "--allow-env=TRUNKLINE_TOKEN"];
  const args = ["--url", `ws://127.0.0.1:${port}/`, "a.b", "x"];
  return ExampleProgram.deno("deno/publish.ts", args, { env, permissions });
}

for (const language of ["Deno", "Python"] as const) {
  Deno.test({
    name: `Examples in ${language}: a token logs in${language === "Python" ? ` ${PYTHON_NEEDED}` : ""}`,
    ignore: language === "Python" && python.ignore,
    fn: async () => {
      await using hub = await TestHub.start(SETTINGS);
      const expected = [[TOKEN, /^NO_ROUTE_FOUND: /], ["guess", /401|UNAUTHORIZED/], [
        null,
        /^UNAUTHORIZED: /,
      ]] as const;
      for (const [token, said] of expected) {
        await using program = publish(language, hub.port, token);
        const { code, err } = await program.ended();
        assert.deepEqual([code, err.length], [1, 1], err.join("\n"));
        assert.match(err[0] ?? "", said);
      }
    },
  });
}

Deno.test("Browser client: a token logs in", async () => {
  await using hub = await TestHub.start(SETTINGS);
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const onState = ({ state }: { state: string }) => {
    if (state === "closed") resolve();
  };
  const client = new Trunkline(hub.url("/"), { token: TOKEN, onState });
  await client.subscribe("a.#");
  await assert.rejects(client.subscribe("b"), { code: "FORBIDDEN" });
  client.close();
  await closed;
});
