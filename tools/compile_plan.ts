/**
 * What a released binary is made of: its targets, the permissions baked into it, the files it carries, its name.
 * Pure: tools/compile.ts does it.
 */

/** The systems that a binary can be made for, with the name that the compiler has for each. */
export const COMPILE_TARGETS = {
  "linux-x64": "x86_64-unknown-linux-gnu",
  "linux-arm64": "aarch64-unknown-linux-gnu",
  "macos-x64": "x86_64-apple-darwin",
  "macos-arm64": "aarch64-apple-darwin",
  "windows-x64": "x86_64-pc-windows-msvc",
} as const;

/** A key of {@link COMPILE_TARGETS}. */
export type CompileTarget = keyof typeof COMPILE_TARGETS;

/** The targets of a release, `--target all`. */
export const RELEASE_TARGETS: readonly CompileTarget[] = ["linux-x64", "macos-arm64", "windows-x64"];

/**
 * What the program may do. It serves and dials, reads its configuration and certificates, writes certificates,
 * logs and its store, takes settings from the environment, names an agent after its host and asks how much memory there
 * is. It runs no program.
 */
export const COMPILE_PERMISSIONS: readonly string[] = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys=hostname,systemMemoryInfo",
];

/** Modules that the program starts as Workers, relative to the root. */
export const WORKERS: readonly string[] = ["src/store/sqlite_worker.ts"];

/**
 * Files that the program reads at run time and modules that it loads by a computed name or as a Worker, relative
 * to the root. Whatever is imported statically comes along without being listed.
 */
export const COMPILE_ASSETS: readonly string[] = [...WORKERS];

/** The targets that a word of the command line means, or null for an unknown one. */
export function targetsOf(word: string, host: { os: string; arch: string }): readonly CompileTarget[] | null {
  if (word === "all") return RELEASE_TARGETS;
  const wanted = word === "host" ? hostTarget(host) : word;
  const target = compileTargets().find((name) => name === wanted);
  return target === undefined ? null : [target];
}

/** Every target by name. */
export function compileTargets(): CompileTarget[] {
  return [...RELEASE_TARGETS, "linux-arm64", "macos-x64"];
}

function hostTarget({ os, arch }: { os: string; arch: string }): string {
  return `${os === "darwin" ? "macos" : os}-${arch === "aarch64" ? "arm64" : "x64"}`;
}

/** The name of a target's binary. */
export function binaryName(version: string, target: CompileTarget): string {
  return `trunkline-${version}-${target}${target.startsWith("windows") ? ".exe" : ""}`;
}

/** The arguments of `deno` that make a target's binary. */
export function compileArguments(
  target: CompileTarget,
  { output, assets = COMPILE_ASSETS }: { output: string; assets?: readonly string[] },
): string[] {
  return [
    "compile",
    "--no-prompt",
    ...COMPILE_PERMISSIONS,
    ...assets.map((asset) => `--include=${asset}`),
    `--target=${COMPILE_TARGETS[target]}`,
    `--output=${output}`,
    "main.ts",
  ];
}
