/** The border to whoever uses a connection of JSON lines: beside its lines, it may go on with frames. */
import type { ConnectionUser } from "./connection.ts";
import type { FramesUser } from "./frames_user.ts";
import type { Login } from "./login.ts";

/** What can be done with a connection of JSON lines. */
export interface JsonControl {
  /** Reads no lines until {@link resume}, so that answers keep their order; the peer is held back meanwhile. */
  hold(): void;
  resume(): void;
  /** Sends a last line; what comes after the line that was read last is frames of this user, who is logged in. */
  continueWithFrames(last: Uint8Array, next: { readonly user: FramesUser; readonly login: Login }): void;
}

/** Who uses one connection of JSON lines. */
export interface JsonUser extends ConnectionUser {
  /** Told once, before anything else. */
  attached?(control: JsonControl): void;
}
