/** The commands and the configuration of docs/operations.md, "Client certificates", as they stand there. */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { TestCertificates } from "../helpers/certificates.ts";
import { knock } from "../helpers/mutual_tls.ts";
import { findTool } from "../helpers/programs.ts";
import { TestHub } from "../helpers/test_hub.ts";

/** A part of the section, by its language. */
function shown(language: string): string {
  const guide = Deno.readTextFileSync("docs/operations.md");
  const section = guide.slice(
    guide.indexOf("\n## Client certificates\n"),
    guide.indexOf("\n## Behind a load"),
  );
  const [[, text = ""] = [], ...others] = section.matchAll(
    new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"),
  );
  assert.equal(others.length, 0);
  assert.ok(text !== "");
  return text;
}

async function runShell(script: string, cwd: string): Promise<string> {
  const command = new Deno.Command(findTool("sh"), { args: ["-ec", script], cwd, stdin: "null" });
  const { success, stdout, stderr } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test({
  name: "Guide of client certificates: what it makes logs in, and what it prints locks out (needs openssl)",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    using server = await TestCertificates.create();
    const folder = await Deno.makeTempDir();
    try {
      const printed = await runShell(shown("sh"), folder);
      const [, serial, fingerprint] = /^serial=(\w+)\n.*=([\w:]+)\n$/s.exec(printed) ?? [];
      const { hub: { tls }, auth } = parse(shown("yaml"));
      assert.deepEqual([tls.cert, tls.key, tls.client_ca], ["server.pem", "server-key.pem", "clients.pem"]);
      const settings = [
        ...server.settings,
        `hub.tls.client_ca=${folder}/${tls.client_ca}`,
        `hub.tls.require_client_cert=${tls.require_client_cert}`,
        ...Object.entries(auth).map(([key, value]) => `auth.${key}=${JSON.stringify(value)}`),
      ];
      const read = (name: string) => Deno.readTextFileSync(`${folder}/${name}`);
      const client = { cert: read("edge-1.pem"), key: read("edge-1-key.pem") };
      const statusOf = async (deny: readonly unknown[]) => {
        await using hub = await TestHub.start([...settings, `hub.tls.deny=${JSON.stringify(deny)}`]);
        return await knock({ port: hub.port, ca: server.ca, client });
      };
      assert.equal(await statusOf(tls.deny), 101);
      assert.equal(await statusOf([serial]), null);
      assert.equal(await statusOf([fingerprint]), null);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
