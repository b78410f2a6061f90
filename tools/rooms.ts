/**
 * The rooms under `src/` and who may import whom: the table of the architecture as data. A room that is not
 * here does not exist, and an import that is not here is not allowed.
 */

const roomNames = [
  "core",
  "wire",
  "config",
  "auth",
  "limits",
  "link",
  "hub",
  "broker",
  "store",
  "tunnel",
  "metrics",
  "api",
  "admin",
  "cluster",
  "agent",
  "client",
  "server",
  "cli",
] as const;

/** The name of a folder under `src/`. */
export type Room = typeof roomNames[number];

/** What may be imported, besides the own room. */
export interface RoomRule {
  /** Rooms to import anything from. */
  readonly rooms: readonly Room[];
  /** Rooms to import only types from. */
  readonly typesOf: readonly Room[];
}

function rule(rooms: readonly Room[], typesOf: readonly Room[] = []): RoomRule {
  return { rooms, typesOf };
}

function allBut(...excluded: readonly Room[]): readonly Room[] {
  return roomNames.filter((room) => !excluded.includes(room));
}

/** The rule of each room. */
export const ROOM_RULES: Readonly<Record<Room, RoomRule>> = {
  core: rule([]),
  wire: rule(["core"]),
  config: rule(["core"]),
  auth: rule(["core"]),
  limits: rule(["core"]),
  link: rule(["core", "wire", "limits"]),
  hub: rule(["core", "wire", "limits", "link"]),
  broker: rule(["core", "wire", "limits"], ["hub", "store", "cluster"]),
  store: rule(["core"]),
  tunnel: rule(["core", "wire", "limits", "link"], ["hub"]),
  agent: rule(["core", "wire", "limits", "link", "config", "metrics"]),
  client: rule(["core", "wire"]),
  metrics: rule(["core"]),
  api: rule(["core", "metrics"], ["hub", "broker", "tunnel"]),
  admin: rule(["core", "metrics"], ["hub", "broker", "tunnel"]),
  cluster: rule(["core", "wire"]),
  server: rule(allBut("server", "cli", "agent", "client")),
  cli: rule(allBut("cli")),
};

/** The rule of `main.ts`, which stands above all rooms. */
export const MAIN_RULE: RoomRule = rule(["cli"]);

/** Whether a folder under `src/` is a room. */
export function isRoom(name: string): name is Room {
  return Object.hasOwn(ROOM_RULES, name);
}
