/**
 * What the handlers of system topics have in common: what they are given, what they give, and how they read payloads
 * and write lists.
 */
import type { z } from "zod";
import type { Principal } from "../core/principal.ts";
import type { OutgoingMessage } from "../core/transport.ts";
import type { TextMessage } from "../wire/text_message.ts";
import type { BrokerError } from "./broker_error.ts";
import { cutList } from "./listings.ts";
import type { ServiceDescription } from "./service_registry.ts";
import type { Member, TenantSpace } from "./tenant_space.ts";
import { readPayload } from "./system_payloads.ts";

/** What comes of a request. */
export type SystemResult =
  | {
    readonly kind: "answer";
    readonly answer: Readonly<Record<string, unknown>>;
    /** How many deliveries it counts as. @default 1 */
    readonly cost?: number;
    /** What is to be done when the answer was sent. */
    readonly after?: () => void;
  }
  /** The answer goes before what was published, and everything that is sent later comes behind it. */
  | {
    readonly kind: "in_order";
    readonly answer: Readonly<Record<string, unknown>>;
    /** Sends the answer, if one is wanted, and what follows; gives how many deliveries that was. */
    readonly begin: (answer: OutgoingMessage | null) => number;
  }
  | { readonly kind: "error"; readonly error: BrokerError };

/** Who can be a service. */
export interface Registrant {
  /** Registers, or changes what it registered as. */
  register(service: ServiceDescription): void;
}

/** Who asks, and where. */
export interface SystemContext {
  readonly registrant: Registrant;
  readonly connection: Member;
  /** Who stands behind the connection. */
  readonly principal: Principal;
  readonly space: TenantSpace;
}

/** Handles the requests to one topic. */
export type Handler = (message: TextMessage, context: SystemContext) => SystemResult | Promise<SystemResult>;
/** The handlers of a group of topics, by topic. */
export type Handlers = readonly (readonly [string, Handler])[];

/** So many characters of an answer count as one delivery. */
const CHARACTERS_PER_DELIVERY = 64;

export function success(answer: Readonly<Record<string, unknown>> = {}, cost = 1): SystemResult {
  return { kind: "answer", answer: { ...answer, status: "success" }, cost };
}

/** What is answered to a request whose field says something that cannot be. */
export function invalid(field: string, message: string): SystemResult {
  return { kind: "error", error: { code: "INVALID_REQUEST", message, details: { field } } };
}

/** A handler of payloads that keep a schema; what does not keep it is answered with what is wrong. */
export function on<T>(
  schema: z.ZodType<T>,
  handle: (payload: T, context: SystemContext) => SystemResult | Promise<SystemResult>,
): Handler {
  return ({ payload }, context) => {
    const read = readPayload(schema, payload);
    return read.ok ? handle(read.payload, context) : { kind: "error", error: read.error };
  };
}

/** A list that is cut where it would be too long for a message. */
export function listed(name: string, entries: Iterable<unknown>): SystemResult {
  const { kept, isCut, characters } = cutList(entries);
  const cost = 1 + Math.floor(characters / CHARACTERS_PER_DELIVERY);
  return success({ [name]: kept, ...(isCut ? { truncated: true } : {}) }, cost);
}
