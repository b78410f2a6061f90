/**
 * The rooms under `src/` and who may import whom: the table of the architecture as data. A room that is not
 * here does not exist, and an import that is not here is not allowed.
 */

const ROOM_NAMES = [
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
  "agent",
  "client",
  "metrics",
  "api",
  "admin",
  "cluster",
  "server",
  "cli",
] as const;

/** The name of a folder under `src/`. */
export type Room = typeof ROOM_NAMES[number];

/** What a room may import, besides itself. */
export interface RoomRule {
  /** Rooms it may import anything from. */
  readonly rooms: readonly Room[];
  /** Rooms it may only import types from, by `import type`. */
  readonly typesOf: readonly Room[];
}

function allBut(...excluded: readonly Room[]): readonly Room[] {
  return ROOM_NAMES.filter((room) => !excluded.includes(room));
}

/** The rule of each room. */
export const ROOM_RULES: Readonly<Record<Room, RoomRule>> = {
  core: { rooms: [], typesOf: [] },
  wire: { rooms: ["core"], typesOf: [] },
  config: { rooms: ["core"], typesOf: [] },
  auth: { rooms: ["core"], typesOf: [] },
  limits: { rooms: ["core"], typesOf: [] },
  link: { rooms: ["core", "wire", "limits"], typesOf: [] },
  hub: { rooms: ["core", "wire", "limits", "link"], typesOf: [] },
  broker: { rooms: ["core", "wire", "limits"], typesOf: ["hub", "store", "cluster"] },
  store: { rooms: ["core"], typesOf: [] },
  tunnel: { rooms: ["core", "wire", "limits", "link"], typesOf: ["hub"] },
  agent: { rooms: ["core", "wire", "limits", "link", "config", "metrics"], typesOf: [] },
  client: { rooms: ["core", "wire"], typesOf: [] },
  metrics: { rooms: ["core"], typesOf: [] },
  api: { rooms: ["core", "metrics"], typesOf: ["hub", "broker", "tunnel"] },
  admin: { rooms: ["core", "metrics"], typesOf: ["hub", "broker", "tunnel"] },
  cluster: { rooms: ["core", "wire"], typesOf: [] },
  server: { rooms: allBut("cli", "agent", "client"), typesOf: [] },
  cli: { rooms: allBut(), typesOf: [] },
};

/** The rule of `main.ts`, which stands above all rooms. */
export const MAIN_RULE: RoomRule = { rooms: ["cli"], typesOf: [] };

/** Whether a folder under `src/` is a room. */
export function isRoom(name: string): name is Room {
  return Object.hasOwn(ROOM_RULES, name);
}
