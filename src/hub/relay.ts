/**
 * The relay: what a client of a room sends, text or binary, every client of that room gets, unchanged and in
 * one order for all, the sender too unless the echo is off. Rooms come with their first client and go with
 * their last. All paths lead to the same rooms.
 */
import type { Channel, SlowConsumerPolicy } from "../core/delivery.ts";
import { DEFAULT_TENANT } from "../core/principal.ts";
import type { AcceptedLink } from "./accepted_link.ts";
import type { Connection, ConnectionUser } from "./connection.ts";
import { Hub } from "./hub.ts";
import { RelayMessage } from "./relay_message.ts";
import type { ConnectionFactory } from "./connection_factory.ts";
import type { UpgradeTarget } from "./upgrade.ts";

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
  /** Whether everybody is welcome, whatever the rest of the hub asks for. */
  readonly isOpen: boolean;
}

const ROOM_NAME = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/;

/** A room: its members, and the channel by which slow ones are treated. It comes and goes with its members. */
class Room implements ConnectionUser {
  readonly maxMessageBytes: number;
  readonly members = new Hub<Connection>();
  readonly #channel: Channel;
  readonly #echo: boolean;
  readonly #onEmpty: () => void;

  constructor(name: string, { maxMessageBytes, slowConsumer, echo }: RelayOptions, onEmpty: () => void) {
    this.maxMessageBytes = maxMessageBytes;
    this.#channel = { name, slowConsumer, gapNotice: null };
    this.#echo = echo;
    this.#onEmpty = onEmpty;
  }

  opened(connection: Connection): void {
    this.members.register(connection);
  }

  received(connection: Connection, data: Uint8Array, isBinary: boolean): number {
    connection.quota?.chargeMessage();
    const message = new RelayMessage(data, isBinary);
    return this.members.broadcast({
      message,
      channel: this.#channel,
      except: this.#echo ? null : connection,
    });
  }

  closing(connection: Connection): void {
    if (this.members.unregister(connection) && this.members.size === 0) this.#onEmpty();
  }
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
    if (room === undefined) return undefined;
    const login = this.#options.isOpen ? "none" : "request";
    return { subprotocols: "any", login, accept: (socket) => this.#accept(socket, room) };
  }

  #roomOf(path: string): string | undefined {
    const { paths, rooms } = this.#options;
    if (paths.includes(path)) return "";
    if (!rooms) return undefined;
    const slash = path.lastIndexOf("/");
    const name = path.slice(slash + 1);
    return slash > 0 && paths.includes(path.slice(0, slash)) && ROOM_NAME.test(name) ? name : undefined;
  }

  /** Tenants have rooms of their own, whatever their names. */
  #accept(socket: AcceptedLink, name: string): void {
    const key = `${socket.login?.principal.tenant ?? DEFAULT_TENANT}/${name}`;
    let room = this.#rooms.get(key);
    if (room === undefined) {
      room = new Room(name, this.#options, () => this.#rooms.delete(key));
      this.#rooms.set(key, room);
    }
    this.#factory.openWebSocket(socket, room);
  }
}
