/**
 * The words for what somebody may do. What a principal's rights are is decided at login, once; whoever has to ask
 * asks the principal. Topics and patterns are compared in lower case, so they are given so.
 */
import { type DestinationRules, NO_DESTINATIONS } from "./destination_check.ts";

/** What is done with a topic: sent to it, or received from it. */
export type SendRight = "publish" | "request";
export type ReceiveRight = "subscribe" | "serve";

/** In the place of an agent: the hub itself. Only a rule with this very word stands for it, and no agent is called so. */
export const HUB_AGENT = "hub";

/** Where a connection through an agent leads. */
export interface ConnectTarget {
  readonly agent: string;
  readonly host: string;
  readonly port: number;
}

/** What a principal may do. Asking changes nothing and never throws. */
export interface Rights {
  /** Whether it may see and control everything of its tenant. */
  readonly isAdmin: boolean;
  /** Whether it may send to a topic in lower case. */
  allows(right: SendRight, topic: string): boolean;
  /** Whether all that a pattern in lower case selects lies inside one single pattern that it may receive from. */
  covers(right: ReceiveRight, pattern: string): boolean;
  /** Whether it may register a tunnel under a name, host name or port. */
  allowsTunnel(name: string): boolean;
  /** Whether it may reach a destination through an agent. */
  allowsConnect(target: ConnectTarget): boolean;
  /**
   * Where the hub itself may connect to for it. Whoever may do everything may not do that: a hub would be an open door
   * to its own network.
   */
  readonly throughHub: DestinationRules;
}

/** Everything but administration. */
export const USER_RIGHTS: Rights = everything(false);
/** Everything. */
export const ALL_RIGHTS: Rights = everything(true);

function everything(isAdmin: boolean): Rights {
  const always = () => true;
  return {
    isAdmin,
    allows: always,
    covers: always,
    allowsTunnel: always,
    allowsConnect: ({ agent }) => agent !== HUB_AGENT,
    throughHub: NO_DESTINATIONS,
  };
}
