/** The programs that docs/guide/services.md shows, run as they stand there but for the port. */
import assert from "node:assert/strict";
import { BrokerClient, newId } from "../broker/broker_client.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { findPython } from "../helpers/tools.ts";

const guide = Deno.readTextFileSync("docs/guide/services.md");

/** The only block of a language, for a hub on another port. */
function blockOf(language: string, port: number): string {
  const blocks = [...guide.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))];
  const [[, code = ""] = []] = blocks;
  assert.equal(blocks.length, 1, language);
  assert.ok(code.includes("8443"), "it names the hub's port");
  return code.replaceAll("8443", `${port}`);
}

/** Runs a program while something asks what it answers. */
async function assertAnswers(program: string, args: readonly string[], hub: TestHub): Promise<void> {
  const env = { PYTHONPATH: "examples/python", PYTHONDONTWRITEBYTECODE: "1", NO_COLOR: "1" };
  const child = new Deno.Command(program, { args: [...args], env, stdout: "null", stderr: "piped" }).spawn();
  const stderr = new Response(child.stderr).text();
  const ended = child.status.then(async () => assert.fail(`it ended: ${await stderr}`));
  try {
    await using caller = await BrokerClient.connect(hub);
    while ((await Promise.race([caller.request("system.topic.list"), ended])).topics.length === 0);
    const id = newId();
    caller.send(`request:text.upper:1.0.0:${id}`, "hello\nyou");
    const { header, payload } = await Promise.race([caller.next(), ended]);
    assert.deepEqual([header, payload], [`response:text.upper:1.0.0:${id}`, "HELLO\nYOU"]);
  } finally {
    ended.catch(() => {});
    child.kill("SIGKILL");
    await Promise.all([child.status, stderr]);
  }
}

Deno.test("Services guide: the service in JavaScript answers", async () => {
  await using hub = await TestHub.start();
  const path = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await Deno.writeTextFile(path, blockOf("js", hub.port));
    await assertAnswers(Deno.execPath(), ["run", "--no-prompt", "--allow-net", path], hub);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test({
  name: "Services guide: the service in Python answers (needs python3)",
  ignore: findPython() === null,
  fn: async () => {
    await using hub = await TestHub.start();
    await assertAnswers(findPython() ?? "", ["-c", blockOf("python", hub.port)], hub);
  },
});

Deno.test("Services guide: what it links to is there", () => {
  for (const document of ["docs/protocol.md", "docs/guide/services.md"]) {
    const text = Deno.readTextFileSync(document);
    const links = [...text.matchAll(/\]\(([^)#]*)(#[^)]*)?\)/g)].filter(([, path]) =>
      !path?.startsWith("http")
    );
    assert.ok(links.length > 5, document);
    for (const [link, path = "", anchor = ""] of links) {
      const target = path === "" ? document : new URL(path, `file:///${document}`).pathname.slice(1);
      const found = Deno.readTextFileSync(target);
      if (anchor !== "") assert.ok(anchorsOf(found).has(anchor), `${document}: ${link}`);
    }
  }
});

/** As a site makes them of headings. */
function anchorsOf(markdown: string): Set<string> {
  const headings = [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, text = ""]) => text.toLowerCase());
  return new Set(headings.map((text) => `#${text.replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-")}`));
}
