/**
 * Tunnels of other projects, each a server and a client on loopback that lead one port to another. They are measured
 * where their programs are on the PATH.
 */

/** A tunnel that runs until the end of its scope. */
export interface PeerTunnel extends AsyncDisposable {
  /** Where visitors come in. */
  readonly port: number;
  /** The processes of both sides. */
  readonly pids: readonly number[];
}

/** A peer. */
export interface TunnelPeer {
  readonly name: string;
  /** Whether its programs are there. */
  isThere(): boolean;
  /** Leads a free port to this one. */
  start(target: number): Promise<PeerTunnel>;
}

const HOST = "127.0.0.1";
const TRIES = 200;
const PAUSE_MS = 50;

/** All peers. */
export const TUNNEL_PEERS: readonly TunnelPeer[] = [
  {
    name: "chisel",
    isThere: () => isOnPath("chisel"),
    start: (target) => {
      const [control, port] = [freePort(), freePort()];
      return run(port, [
        ["chisel", ["server", "--host", HOST, "--port", `${control}`, "--reverse"]],
        ["chisel", ["client", `${HOST}:${control}`, `R:${HOST}:${port}:${HOST}:${target}`]],
      ]);
    },
  },
  {
    name: "frp",
    isThere: () => isOnPath("frps") && isOnPath("frpc"),
    start: async (target) => {
      const [control, port] = [freePort(), freePort()];
      const server = await configFile(`bindAddr = "${HOST}"\nbindPort = ${control}\nlog.level = "error"\n`);
      const client = await configFile(
        `serverAddr = "${HOST}"\nserverPort = ${control}\nlog.level = "error"\n[[proxies]]\nname = "t"\ntype = "tcp"\n` +
          `localIP = "${HOST}"\nlocalPort = ${target}\nremotePort = ${port}\n`,
      );
      return run(port, [["frps", ["-c", server]], ["frpc", ["-c", client]]]);
    },
  },
  {
    name: "rathole",
    isThere: () => isOnPath("rathole"),
    start: async (target) => {
      const [control, port] = [freePort(), freePort()];
      const token = 'default_token = "bench"\n';
      const server = await configFile(
        `[server]\nbind_addr = "${HOST}:${control}"\n${token}[server.services.t]\nbind_addr = "${HOST}:${port}"\n`,
      );
      const client = await configFile(
        `[client]\nremote_addr = "${HOST}:${control}"\n${token}[client.services.t]\nlocal_addr = "${HOST}:${target}"\n`,
      );
      return run(port, [["rathole", ["--server", server]], ["rathole", ["--client", client]]]);
    },
  },
];

/** Whether a program is on the PATH. */
export function isOnPath(program: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => {
    try {
      return Deno.statSync(`${folder}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

/** A port of loopback that nobody has at the moment. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: HOST, port: 0 });
  return listener.addr.port;
}

/** Waits until a port accepts. */
export async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    try {
      using _connection = await Deno.connect({ hostname: HOST, port });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
  throw new Error(`Cannot reach port ${port}: nothing listens there`);
}

async function configFile(text: string): Promise<string> {
  const path = await Deno.makeTempFile({ suffix: ".toml" });
  await Deno.writeTextFile(path, text);
  return path;
}

async function run(port: number, programs: readonly [string, string[]][]): Promise<PeerTunnel> {
  const children = programs.map(([program, args]) =>
    new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn()
  );
  await listening(port);
  return {
    port,
    pids: children.map(({ pid }) => pid),
    [Symbol.asyncDispose]: async () => {
      for (const child of children) child.kill("SIGKILL");
      await Promise.all(children.map(({ status }) => status));
    },
  };
}
