/** Tests of compilation with a command that stands in for `deno`: what it is asked for, and how failures are told. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { VERSION } from "../../src/core/version.ts";
import { compile } from "../../tools/compile.ts";
import {
  COMPILE_ASSETS,
  COMPILE_PERMISSIONS,
  COMPILE_TARGETS,
  compileTargets,
  targetsOf,
} from "../../tools/compile_plan.ts";
import { withTree } from "./source_tree_fixture.ts";

const standIn = fileURLToPath(new URL("deno_stand_in.ts", import.meta.url));

interface Run {
  code: number;
  out: string[];
  err: string[];
  /** The arguments of every call of the stand-in. */
  calls: string[][];
  /** The files in the output folder. */
  files: Map<string, string>;
}

async function run(
  args: string[],
  { ending = "done", assets }: { ending?: string; assets?: string[] } = {},
): Promise<Run> {
  return await withTree({ "notes": "", "dist/.keep": "" }, async (root) => {
    const result: Run = { code: 0, out: [], err: [], calls: [], files: new Map() };
    const notes = join(root, "notes");
    result.code = await compile(args, {
      outputFolder: join(root, "dist"),
      denoCommand: [Deno.execPath(), "run", "-A", "--no-config", standIn, notes, ending],
      io: { out: (line) => result.out.push(line), err: (line) => result.err.push(line) },
      ...(assets === undefined ? {} : { assets }),
    });
    const lines = (await Deno.readTextFile(notes)).trimEnd();
    if (lines !== "") result.calls = lines.split("\n").map((line) => JSON.parse(line) as string[]);
    for await (const { name } of Deno.readDir(join(root, "dist"))) {
      if (name !== ".keep") result.files.set(name, await Deno.readTextFile(join(root, "dist", name)));
    }
    return result;
  });
}

Deno.test("Compile: asks for the entry, the baked permissions, the assets and the target", async () => {
  const { code, calls } = await run(["--target", "linux-x64"], { assets: ["a.json", "src/b/worker.ts"] });
  const [call = []] = calls;
  assert.equal(code, 0);
  assert.deepEqual(call.filter((arg) => !arg.startsWith("--output=")), [
    "compile",
    "--no-prompt",
    "--allow-net",
    "--allow-read",
    "--allow-write",
    "--allow-env",
    "--allow-sys=hostname,systemMemoryInfo",
    "--include=a.json",
    "--include=src/b/worker.ts",
    "--target=x86_64-unknown-linux-gnu",
    "main.ts",
  ]);
});

Deno.test("Compile: never bakes all permissions, nor the right to run programs", () => {
  assert.ok(COMPILE_PERMISSIONS.length > 0);
  for (const flag of COMPILE_PERMISSIONS) {
    assert.doesNotMatch(flag, /^-A|^--allow-all|^--allow-run|^--allow-ffi/);
  }
});

Deno.test("Compile: every asset of the plan is there", async () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  for (const asset of COMPILE_ASSETS) assert.ok((await Deno.stat(join(root, asset))).isFile, asset);
});

Deno.test("Compile: all targets of a release, each with its name and its checksum", async () => {
  const { code, calls, files, out } = await run(["--target", "all"]);
  const names = [
    `trunkline-${VERSION}-linux-x64`,
    `trunkline-${VERSION}-macos-arm64`,
    `trunkline-${VERSION}-windows-x64.exe`,
  ];
  assert.equal(code, 0);
  assert.deepEqual(calls.map((call) => call.find((arg) => arg.startsWith("--target="))), [
    "--target=x86_64-unknown-linux-gnu",
    "--target=aarch64-apple-darwin",
    "--target=x86_64-pc-windows-msvc",
  ]);
  assert.deepEqual([...files.keys()].sort(), ["SHA256SUMS", ...names]);
  const sums = names.map((name) =>
    `${createHash("sha256").update(files.get(name) ?? "").digest("hex")}  ${name}\n`
  );
  assert.equal(files.get("SHA256SUMS"), sums.join(""));
  assert.equal(out.length, 3);
});

Deno.test("Compile: without a target, and with host, makes the binary of this system", async () => {
  const host = Deno.build.os === "windows" ? "windows" : Deno.build.os === "darwin" ? "macos" : "linux";
  for (const args of [[], ["--target", "host"], ["--target=host"]]) {
    const { code, files } = await run(args);
    assert.equal(code, 0);
    assert.ok([...files.keys()].some((name) => name.startsWith(`trunkline-${VERSION}-${host}-`)));
  }
  assert.deepEqual(targetsOf("host", { os: "darwin", arch: "aarch64" }), ["macos-arm64"]);
  assert.deepEqual(targetsOf("host", { os: "freebsd", arch: "x86_64" }), null);
  assert.deepEqual(compileTargets().sort(), Object.keys(COMPILE_TARGETS).sort());
});

Deno.test("Compile: a runtime base that cannot be had is told in one sentence", async () => {
  for (const ending of ["no-base", "no-denort"]) {
    const { code, err, out, files, calls } = await run(["--target", "all"], { ending });
    assert.equal(code, 1);
    assert.deepEqual(err, [
      "Cannot compile for linux-x64: the runtime base (denort) of that system could not be fetched; run this where " +
      "the download host of Deno can be reached, or set DENORT_BIN to the path of a fitting denort",
    ]);
    assert.deepEqual([out, [...files.keys()], calls.length], [[], [], 1]);
  }
});

Deno.test("Compile: any other failure is passed on as it is", async () => {
  const { code, err, files } = await run(["--target", "linux-x64"], { ending: "broken" });
  assert.equal(code, 1);
  assert.deepEqual(err, [
    "TS2322 [ERROR]: Type 'string' is not assignable to type 'number'.\nerror: Type checking failed.",
  ]);
  assert.equal(files.size, 0);
});

Deno.test("Compile: wrong arguments are refused before anything is run", async () => {
  for (const args of [["--target", "amiga"], ["--target"], ["linux-x64"], ["--target", "all", "more"]]) {
    const { code, err, calls } = await run(args);
    assert.deepEqual([code, calls], [2, []]);
    assert.equal(
      err[0],
      `Cannot compile: the arguments were "${args.join(" ")}"; give --target with one of ` +
        "host, all, linux-x64, macos-arm64, windows-x64, linux-arm64, macos-x64",
    );
  }
});
