import { deepEqual, equal, ok } from "node:assert/strict";
import { defaultAgentConfig, printAgentConfigJson, printAgentConfigYaml } from "../../src/config/mod.ts";
import { loadAgentRight, loadAgentWrong, loadRight } from "./loading.ts";

Deno.test("Agent config: has every default without any source", () => {
  const { config, sources } = loadAgentRight({});
  deepEqual(config, defaultAgentConfig());
  equal(config.hub.url.text, "tcp://127.0.0.1:8443");
  equal(config.hub.tls_min_version, "1.3");
  equal(config.hub.connect_timeout, 30_000);
  deepEqual(config.tunnels, []);
  ok([...sources.values()].every(({ kind }) => kind === "default"));
});

Deno.test("Agent config: --set wins over the agent's own environment, that over the file", () => {
  const text = "hub: { url: 'tls://file.example', connect_timeout: 1s }\nagent: { id: file }";
  const env = {
    TRUNKLINE_AGENT_HUB__URL: "wss://env.example",
    TRUNKLINE_AGENT_AGENT__ID: "env",
    // The hub's, on the same machine.
    TRUNKLINE_HUB__LISTEN: "127.0.0.1:8443",
    TRUNKLINE_URL: "ws://a",
  };
  const { config, sources } = loadAgentRight({ text, env, set: ["agent.id=set"] });
  deepEqual([config.hub.url.host, config.hub.connect_timeout, config.agent.id], ["env.example", 1000, "set"]);
  deepEqual(sources.get("hub.url"), { kind: "env", name: "TRUNKLINE_AGENT_HUB__URL" });
  deepEqual(sources.get("agent.id"), { kind: "set", key: "agent.id" });
});

Deno.test("Agent config: the hub takes no notice of the agent's variables", () => {
  loadRight({ env: { TRUNKLINE_AGENT_HUB__URL: "wss://env.example", TRUNKLINE_AGENT_NOPE: "x" } });
});

Deno.test("Agent config: tells unknown variables and flags by their name", () => {
  deepEqual(loadAgentWrong({ env: { TRUNKLINE_AGENT_HUB_URL: "x" }, set: ["hub.ulr=x", "hub"] }), [
    "TRUNKLINE_AGENT_HUB_URL: Cannot find a setting of this name; did you mean TRUNKLINE_AGENT_HUB__URL?",
    "--set hub.ulr: Cannot find a setting of this name; did you mean hub.url?",
    "--set hub: Cannot read this flag; write --set key=value such as --set hub.url=tls://hub.example:8443",
  ]);
});

Deno.test("Agent config: reads its token from a file or a variable of any name", () => {
  const fromFile = loadAgentRight({
    text: "hub: { token: { file: token } }",
    files: { "/etc/trunkline/token": "open\n" },
  });
  equal(fromFile.config.hub.token, "open");
  for (const name of ["TRUNKLINE_TOKEN", "TRUNKLINE_AGENT_SECRET"]) {
    const { config } = loadAgentRight({ text: `hub: { token: { env: ${name} } }`, env: { [name]: "open" } });
    equal(config.hub.token, "open");
  }
});

Deno.test("Agent config: prints human units and sources, and no secret", () => {
  const text = "hub: { url: 'tls://Hub.Example', token: hidden-value, ca: ca.pem }\n" +
    "tunnels: [{ name: web, kind: http, local: 3000 }]";
  const right = loadAgentRight({ text });
  const yaml = printAgentConfigYaml(right);
  ok(yaml.includes("  url: tls://Hub.Example # from agent.yaml:1\n"), yaml);
  ok(yaml.includes('  token: "***" # from agent.yaml:1\n'));
  ok(yaml.includes("  ca: /etc/trunkline/ca.pem # from"));
  ok(yaml.includes("  connect_timeout: 30s # default\n"));
  ok(yaml.includes("local: 127.0.0.1:3000,"));
  ok(!yaml.includes("hidden-value") && !printAgentConfigJson(right).includes("hidden-value"));
  const json = JSON.parse(printAgentConfigJson(right));
  equal(json.config.tunnels[0].local, "127.0.0.1:3000");
  equal(json.sources["hub.url"], "agent.yaml:1");
});
