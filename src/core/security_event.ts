/**
 * What happened that somebody who looks after security wants to know, and the port through which every part tells it.
 * An event names who and what; it never holds a token or a payload, and every text in it is bounded by whoever read it.
 */
import type { ReceiveRight, SendRight } from "./rights.ts";

/** Every kind of event. */
export const SECURITY_EVENT_KINDS = [
  "login_accepted",
  "login_refused",
  "locked_out",
  "denied",
  "service_registered",
  "admin_action",
  "config_changed",
  "revoked",
  "expired",
] as const;

/** A kind of event. */
export type SecurityEventKind = typeof SECURITY_EVENT_KINDS[number];

/** How a token came. */
export type LoginVia =
  | "header"
  | "subprotocol"
  | "query"
  | "message"
  | "frame"
  | "json_line"
  | "certificate"
  | "http_api";

/** Whom an event is about. */
export interface EventSubject {
  readonly subject: string;
  /** `null` when a token that was refused names none. */
  readonly tenant: string | null;
  readonly account: string | null;
}

/** What all events have. */
export interface EventOrigin {
  /** The address of the peer, without its port. */
  readonly address: string;
  /** `null` before there is a connection with an id. */
  readonly connectionId: string | null;
  /** `null` while nothing is proven. */
  readonly who: EventSubject | null;
}

/** One event. */
export type SecurityEvent =
  & EventOrigin
  & (
    | { readonly kind: "login_accepted"; readonly method: string; readonly via: LoginVia }
    | { readonly kind: "login_refused"; readonly reason: string; readonly via: LoginVia }
    | { readonly kind: "locked_out"; readonly retryAfterMs: number; readonly via: LoginVia }
    /** `target` is the topic, pattern, tunnel or destination that it was denied. */
    | { readonly kind: "denied"; readonly right: DeniedRight; readonly target: string }
    | { readonly kind: "service_registered"; readonly name: string }
    | { readonly kind: "admin_action"; readonly action: string; readonly target: string }
    /** The configuration was loaded anew. Settings are named, values never are. `ended`: how many logins it ended. */
    | {
      readonly kind: "config_changed";
      readonly changed: readonly string[];
      readonly needRestart: readonly string[];
      readonly ended: number;
    }
    /** A connection ended because its login does not hold any more. */
    | { readonly kind: "revoked"; readonly reason: string }
    | { readonly kind: "expired" }
  );

/** What somebody was not allowed. */
export type DeniedRight = SendRight | ReceiveRight | "tunnel" | "connect" | "admin";

/** Takes events. */
export interface SecurityEvents {
  /** Returns at once and never throws. */
  record(event: SecurityEvent): void;
}
