/**
 * The relay: what a client of a room sends, text or binary, every client of that room gets, unchanged and in
 * one order for all, the sender too unless the echo is off. Rooms come with their first client and go with
 * their last; the same name in two tenants is two rooms.
 */
import type { Channel, SlowConsumerPolicy } from "../link/lane.ts";
import type { Connection } from "./connection.ts";
import { Hub } from "./hub.ts";
import { RelayMessage } from "./relay_message.ts";
import type { ConnectionFactory } from "./connection_factory.ts";
import type { AcceptedWebSocket, UpgradeTarget } from "./upgrade.ts";

/** How a relay behaves. */
export interface RelayOptions {
  /** Paths of the default room; with `rooms` a further segment names a room of its own. */
  readonly paths: readonly string[];
  readonly rooms: boolean;
  /** Whether a sender gets its own messages. */
  readonly echo: boolean;
  readonly maxMessageBytes: number;
  /** What happens to a client that does not read fast enough. Clients of a relay cannot be told of a gap. */
  readonly slowConsumer: SlowConsumerPolicy;
}

const ROOM_NAME = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/;

/** A room: its members, and the channel by which slow ones are treated. */
interface Room {
  readonly key: string;
  readonly members: Hub<Connection>;
  readonly channel: Channel;
}

/** All rooms of one hub. */
export class Relay {
  readonly #options: RelayOptions;
  readonly #factory: ConnectionFactory;
  readonly #rooms = new Map<string, Room>();

  constructor(options: RelayOptions, factory: ConnectionFactory) {
    this.#options = options;
    this.#factory = factory;
  }

  /** How many rooms have a client. */
  get roomCount(): number {
    return this.#rooms.size;
  }

  /** How many clients all rooms have. */
  get memberCount(): number {
    let members = 0;
    for (const room of this.#rooms.values()) members += room.members.size;
    return members;
  }

  /** What a path leads to; `undefined` when it is none of the relay's. */
  target(path: string): UpgradeTarget | undefined {
    const room = this.#roomOf(path);
    return room === undefined ? undefined : { accept: (socket) => this.#accept(socket, room) };
  }

  #roomOf(path: string): string | undefined {
    const { paths, rooms } = this.#options;
    if (paths.includes(path)) return "";
    if (!rooms) return undefined;
    const slash = path.lastIndexOf("/");
    const name = path.slice(slash + 1);
    return slash > 0 && paths.includes(path.slice(0, slash)) && ROOM_NAME.test(name) ? name : undefined;
  }

  #accept(socket: AcceptedWebSocket, roomName: string): void {
    let room: Room | undefined;
    this.#factory.openWebSocket(socket, {
      maxMessageBytes: this.#options.maxMessageBytes,
      opened: (connection) => room = this.#join(connection, roomName),
      message: (connection, data, isBinary) =>
        this.#relay(connection, room, new RelayMessage(data, isBinary)),
      closing: (connection) => this.#leave(connection, room),
    });
  }

  #relay(sender: Connection, room: Room | undefined, message: RelayMessage): number {
    if (room === undefined) return 0;
    const except = this.#options.echo ? null : sender;
    return room.members.broadcast({ message, channel: room.channel, except });
  }

  #join(connection: Connection, roomName: string): Room {
    const key = `${connection.principal?.tenant ?? ""}/${roomName}`;
    let room = this.#rooms.get(key);
    if (room === undefined) {
      const channel = { name: roomName, slowConsumer: this.#options.slowConsumer, gapNotice: null };
      room = { key, members: new Hub<Connection>(), channel };
      this.#rooms.set(key, room);
    }
    room.members.register(connection);
    return room;
  }

  #leave(connection: Connection, room: Room | undefined): void {
    if (room?.members.unregister(connection) && room.members.size === 0) this.#rooms.delete(room.key);
  }
}
