/**
 * The servers that are measured, each a process of its own, and what the operating system says of them.
 */

/** The hub. */
export interface MeasuredHub extends MeasuredServer {
  /** Where visitors of HTTP tunnels come in. */
  readonly publicPort: number;
}

/** A server under measurement. */
export interface MeasuredServer extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  /** CPU seconds that it has used, user and system. */
  cpuSeconds(): number;
  /** Its resident memory in bytes. */
  residentBytes(): number;
}

const CLOCK_TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

/** Reads /proc for a process: Linux only, like the peers. */
export function cpuSecondsOf(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}

/** The resident memory of a process. */
export function residentBytesOf(pid: number): number {
  return Number(Deno.readTextFileSync(`/proc/${pid}/statm`).split(" ")[1]) * PAGE_BYTES;
}

/** Ends a child by its id and waits for it. */
async function end(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch {
    // It ended by itself.
  }
  await child.status;
}

function measured(name: string, child: Deno.ChildProcess, port: number): MeasuredServer {
  return {
    name,
    port,
    pid: child.pid,
    cpuSeconds: () => cpuSecondsOf(child.pid),
    residentBytes: () => residentBytesOf(child.pid),
    [Symbol.asyncDispose]: () => end(child),
  };
}

/** The first line that a child prints, of those that are wanted; the rest is read and dropped, so that it never blocks. */
async function firstLine(child: Deno.ChildProcess, wanted = /^/): Promise<string> {
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const line = text.split("\n").slice(0, -1).find((line) => wanted.test(line));
    if (line !== undefined) {
      (async () => {
        while (!(await reader.read()).done);
      })();
      return line;
    }
    const { value, done } = await reader.read();
    if (done) throw new Error(`Cannot start the server: it ended with "${text}"`);
    text += value;
  }
}

/** How to start the hub. */
export interface HubOptions {
  /** Keys over the shipped configuration, each `key=value`. */
  readonly set?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A folder that it may write to. */
  readonly folder?: string;
}

/** What `deno task start` sets. */
const SHIPPED_ENV = { DENO_TOKIO_EVENT_INTERVAL: "1" };

/** Starts the hub as it is shipped, on free ports. */
export async function startHub({ set = [], env = {}, folder }: HubOptions = {}): Promise<MeasuredHub> {
  const settings = [
    "hub.listen=127.0.0.1:0",
    "metrics.listen=127.0.0.1:0",
    "public.listen=127.0.0.1:0",
    "logging.level=error",
    ...set,
  ];
  const args = [
    "run",
    "--no-prompt",
    "--allow-net",
    "--allow-read",
    "--allow-env",
    ...(folder === undefined ? [] : [`--allow-write=${folder}`]),
    "main.ts",
    "hub",
    "--json",
  ];
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args, ...settings.flatMap((setting) => ["--set", setting])],
    env: { ...SHIPPED_ENV, ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const { listeners } = JSON.parse(await firstLine(child));
  const portOf = (wanted: string): number =>
    listeners.find(({ name }: { name: string }) => name === wanted).port;
  return { ...measured("trunkline", child, portOf("hub")), publicPort: portOf("public") };
}

/** Starts a command that is an agent with one tunnel, as it is shipped; its port is the tunnel's. */
export async function startAgent(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<MeasuredServer> {
  const flags = ["--no-prompt", "--allow-net", "--allow-read", "--allow-env", "--allow-sys=hostname"];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, "main.ts", ...args, "--json"],
    env: { ...SHIPPED_ENV, ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const line = await firstLine(child, /"state":"up"/);
  return measured("agent", child, Number(new URL(JSON.parse(line).url).port));
}

/** Starts a server of `bench/peers/`, which prints its port as its first line. */
export async function startScript(name: string, file: string): Promise<MeasuredServer> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", file],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  return measured(name, child, Number(await firstLine(child)));
}

/** Starts a process of the runtime that does nothing: what every program on it costs. It has no port. */
export async function startBare(): Promise<MeasuredServer> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "Deno.stdout.writeSync(new Uint8Array([10])); setInterval(() => {}, 1e6);"],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  await firstLine(child);
  return measured("bare", child, 0);
}

/** Whether nats-server is installed. */
export function findNats(): string | null {
  for (const path of ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"]) {
    try {
      if (Deno.statSync(path).isFile) return path;
    } catch {
      // Not there.
    }
  }
  return null;
}

/** Starts nats-server with a WebSocket port on loopback. */
export async function startNats(): Promise<MeasuredServer> {
  const path = findNats();
  if (path === null) {
    throw new Error("Cannot start nats-server: it is not installed (Debian's package nats-server)");
  }
  const [port, wsPort] = [freePort(), freePort()];
  const config = await Deno.makeTempFile({ suffix: ".conf" });
  await Deno.writeTextFile(
    config,
    `host: 127.0.0.1\nport: ${port}\nwebsocket { host: 127.0.0.1, port: ${wsPort}, no_tls: true }\n`,
  );
  const child = new Deno.Command(path, { args: ["-c", config], stdout: "null", stderr: "null" }).spawn();
  await listening(wsPort);
  await Deno.remove(config);
  return measured("nats-server", child, wsPort);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits until a port accepts, at most ten seconds. */
async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`Cannot reach port ${port}: nothing listens there after ten seconds`);
}
