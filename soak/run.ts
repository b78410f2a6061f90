/**
 * Runs the soaks of this folder: `deno task soak [name] [--cycles <n>] [--seed <n>] [--size <size>] [--out <file>]`, without a name
 * all of them; `--help` tells which there are. Figures go to `dist/soak/<name>.json`, or to the file that is named.
 * Ends with 1 when something did not come back to where it was, with 2 for arguments that name nothing.
 */
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { formatSize, parseSize } from "../src/config/units.ts";
import { ExitCode, type Io, processIo } from "../src/cli/io.ts";
import { isSoak, type Soak } from "./soak.ts";

/** What the command line asks for. */
interface Wanted {
  readonly name: string | null;
  readonly cycles: number;
  readonly seed: number;
  readonly sizeBytes: number;
  readonly outFile: string | null;
}

const DEFAULT_CYCLES = 1000;
const DEFAULT_SIZE_BYTES = 10 * 1024 ** 3;
const USAGE = "[name] [--cycles <n>] [--seed <n>] [--size <size>] [--out <file>, with a name]";
const OPTIONS = [
  `--cycles <n>  how often something is broken, ${DEFAULT_CYCLES} if nothing is said`,
  "--seed <n>    what the random numbers begin with: the same seed breaks the same way",
  `--size <size> how much is moved each way, ${formatSize(DEFAULT_SIZE_BYTES)} if nothing is said`,
  "--out <file>  where the figures go, dist/soak/<name>.json if nothing is said",
];

/** What the runner works with. */
export interface SoakRunOptions {
  /** The folder that is searched for `*_soak.ts`. */
  readonly folder: string;
  /** @default the process's streams */
  readonly io?: Io;
}

/** Runs what `args` choose; returns the exit code. */
export async function runSoaks(
  args: readonly string[],
  { folder, io = processIo }: SoakRunOptions,
): Promise<number> {
  const soaks = await findSoaks(folder);
  if (args.includes("--help")) {
    for (const line of helpLines(soaks)) io.out(line);
    return ExitCode.done;
  }
  const wanted = readArguments(args);
  const chosen = soaks.filter(({ name }) => wanted?.name === null || name === wanted?.name);
  if (wanted === null || chosen.length === 0) {
    const names = soaks.map(({ name }) => name).join(", ");
    io.err(`Cannot run "${args.join(" ")}": it is ${USAGE}; soaks: ${names}`);
    return ExitCode.usage;
  }
  let hasFailed = false;
  for (const soak of chosen) hasFailed = !await runOne(soak, wanted, io) || hasFailed;
  return hasFailed ? 1 : ExitCode.done;
}

function helpLines(soaks: readonly Soak[]): string[] {
  const about = soaks.map((soak) => `${soak.name}: ${soak.about}`);
  return [`deno task soak ${USAGE}`, "", "Soaks, all of them without a name:", ...about, "", ...OPTIONS];
}

async function runOne(soak: Soak, { cycles, seed, sizeBytes, outFile }: Wanted, io: Io): Promise<boolean> {
  io.out(`${soak.name}: seed ${seed}, ${cycles} cycles: ${soak.about}`);
  const { problems, lines, figures } = await soak.run({ cycles, seed, sizeBytes, progress });
  progress("");
  for (const line of lines) io.out(line);
  for (const problem of problems) io.err(`${soak.name}: ${problem}`);
  const file = outFile ?? `dist/soak/${soak.name}.json`;
  await Deno.mkdir(dirname(file), { recursive: true });
  await Deno.writeTextFile(file, `${JSON.stringify({ name: soak.name, problems, ...figures }, null, 2)}\n`);
  io.out(problems.length === 0 ? `Everything came back. Figures: ${file}` : `Figures: ${file}`);
  return problems.length === 0;
}

function progress(text: string): void {
  if (!Deno.stderr.isTerminal()) return;
  Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
}

function readArguments(args: readonly string[]): Wanted | null {
  const text = { type: "string" } as const;
  try {
    const options = { cycles: text, seed: text, size: text, out: text } as const;
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [name = null, ...rest] = positionals;
    const cycles = Number(values.cycles ?? DEFAULT_CYCLES);
    const seed = Number(values.seed ?? Math.floor(Math.random() * 0x1_0000_0000));
    const sizeBytes = values.size === undefined ? DEFAULT_SIZE_BYTES : parseSize(values.size) ?? 0;
    const isRight = rest.length === 0 && Number.isInteger(cycles) && cycles > 0 && Number.isInteger(seed) &&
      sizeBytes > 0 && (values.out === undefined || name !== null);
    return isRight ? { name, cycles, seed, sizeBytes, outFile: values.out ?? null } : null;
  } catch {
    // An option that there is none of.
    return null;
  }
}

async function findSoaks(folder: string): Promise<Soak[]> {
  const soaks: Soak[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith("_soak.ts")) continue;
    const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(join(folder, name)).href);
    if (!isSoak(module.soak)) throw new Error(`Cannot load ${name}: it exports no soak; export one as soak`);
    soaks.push(module.soak);
  }
  return soaks.sort((one, other) => one.name.localeCompare(other.name));
}

if (import.meta.main) {
  Deno.exit(await runSoaks(Deno.args, { folder: fileURLToPath(new URL(".", import.meta.url)) }));
}
