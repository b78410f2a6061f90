/** Tests of the workflows: their triggers, that the tasks they run exist, and that their steps run by themselves. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { testTools } from "../helpers/tools.ts";
import { readCiSteps } from "../../tools/ci_steps.ts";
import { compileTargets, targetsOf } from "../../tools/compile_plan.ts";
import { parseWorkflow } from "../../tools/workflow.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, root));
const config = JSON.parse(read("deno.json")) as { tasks: Record<string, string> };
const workflows = ["ci", "release"].map((name) => ({ name, text: read(`.gitea/workflows/${name}.yaml`) }));

function commandsOf(text: string): string[] {
  const steps = Object.values(parseWorkflow(text).jobs).flatMap((job) => job.steps);
  return steps.flatMap((step) => step.run === undefined ? [] : [step.run]);
}

Deno.test("Workflows: checks run on every push and pull request, releases on tags v*", () => {
  const [ci, release] = workflows.map(({ text }) => parseWorkflow(text).on);
  assert.deepEqual(Object.keys(ci ?? {}).sort(), ["pull_request", "push"]);
  assert.deepEqual(ci?.push, { branches: ["**"] });
  assert.deepEqual(release, { push: { tags: ["v*"] } });
});

Deno.test("Workflows: every task that they run is one of deno.json, at one version of Deno", () => {
  for (const { name, text } of workflows) {
    const commands = commandsOf(text);
    assert.ok(commands.length > 0, name);
    for (const command of commands) {
      const [, version, task = ""] = /^npx -y deno@([\d.]+) task (\w+)/.exec(command) ?? [];
      assert.equal(version, "2.9.6", command);
      assert.ok(Object.hasOwn(config.tasks, task), `${name}: ${command}`);
    }
  }
});

Deno.test("Workflows: both run deno task ok, which ends with the tests and refuses skipped ones there", () => {
  for (const { name, text } of workflows) {
    assert.ok(commandsOf(text).includes("npx -y deno@2.9.6 task ok --no-skips"), name);
  }
  assert.match(config.tasks.ok ?? "", /&& deno task test$/);
});

Deno.test("Workflows: the release compiles for Linux, macOS and Windows", () => {
  const [, release] = workflows.map(({ text }) => commandsOf(text));
  assert.ok(release?.includes("npx -y deno@2.9.6 task compile --target all"));
  assert.deepEqual(targetsOf("all", Deno.build), ["linux-x64", "macos-arm64", "windows-x64"]);
  assert.ok(compileTargets().length >= 3);
});

Deno.test("Workflows: tasks run files that exist, and the hub and the binaries never run with all permissions", async () => {
  for (const [name, command] of Object.entries(config.tasks)) {
    for (const [path] of command.matchAll(/[\w/]+\.ts/g)) {
      assert.ok((await Deno.stat(new URL(path, root))).isFile, `${name}: ${path}`);
    }
    if (["start", "demo", "cli", "compile"].includes(name)) {
      assert.doesNotMatch(command, /-A\b|--allow-all/, name);
    }
  }
});

Deno.test("CI steps: the commands of the workflow, in order", () => {
  const yaml = "name: x\non: { push: {} }\njobs:\n  a:\n    steps:\n" +
    "      - uses: checkout@v4\n      - name: One\n        run: one\n      - run: |\n          two\n          three\n";
  assert.deepEqual(readCiSteps(yaml), [
    { name: "One", command: "one" },
    { name: "two\nthree\n", command: "two\nthree\n" },
  ]);
});

Deno.test("CI steps: what a shell cannot honour is refused", () => {
  const withStep = (step: string) => `name: x\non: { push: {} }\njobs: { a: { steps: [${step}] } }\n`;
  assert.throws(() => readCiSteps(withStep("{ run: x, env: { A: b } }")), {
    message: 'Cannot run the step "x" by itself: it has env; put that into its command',
  });
  assert.throws(() => readCiSteps(withStep("{ uses: x }")), {
    message: "Cannot run the workflow: it has no step with a command",
  });
});

Deno.test("CI run: installs what tests need, and runs the workflow's steps", () => {
  const script = read(".ci/run");
  for (const { debianPackage } of testTools) assert.match(script, new RegExp(`\\b${debianPackage}\\b`));
  assert.match(script, /tools\/ci_steps\.ts .gitea\/workflows\/ci\.yaml/);
  if (Deno.build.os !== "windows") {
    const mode = Deno.statSync(fileURLToPath(new URL(".ci/run", root))).mode ?? 0;
    assert.equal(mode & 0o111, 0o111, ".ci/run must be executable");
  }
});
