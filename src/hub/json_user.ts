/**
 * The border to whoever uses a connection of JSON lines: its messages are as those of any other connection, and it may
 * go on as one of frames.
 */
import type { Encoded } from "../core/transport.ts";
import type { ConnectionUser } from "./connection.ts";
import type { FramesUser } from "./frames_user.ts";
import type { Login } from "./login.ts";

/** What a user may do with its connection beside sending. */
export interface JsonWire {
  /** No further line comes, whatever is sent, until it is released. */
  hold(): void;
  release(): void;
  /** Sends a last line; what comes behind the last line that came is frames, of a connection with the same id. */
  becomeFrames(last: Encoded, user: FramesUser): void;
}

/** Who uses one connection of JSON lines. */
export interface JsonUser extends ConnectionUser {
  /** The wire of the connection; told once, before anything else. */
  attached(wire: JsonWire): void;
}

/** Who goes on with frames. */
export interface FramesMember {
  /** The id of its connection, which is the name of the agent too. */
  readonly id: string;
  readonly login: Login;
  /** What it said that it can. */
  readonly features: readonly string[];
}

/** How somebody goes on with frames. */
export interface FramesPlace {
  readonly user: FramesUser;
  /** To be shown when the login is renewed. */
  readonly session: string;
  /** What it has to keep to, by the names that it has on the wire. */
  readonly limits: Readonly<Record<string, number>>;
}
