/** What a connection of frames is told of its login, before everything else that waits. */
import type { Encoded } from "../core/transport.ts";
import type { Connection } from "../hub/connection.ts";
import { encodeFrame } from "../wire/frame.ts";
import type { AuthResponse } from "../wire/frame_payloads.ts";
import { type AgentRefusal, refusalResponse } from "./agent_refusal.ts";

/** Whether somebody still waits to be let in. */
export function isWaiting({ state }: Connection): boolean {
  return state.name === "authenticating";
}

/** Refuses a login and ends the connection; of no effect on one that ends already. */
export function refuse(connection: Connection, refusal: AgentRefusal): void {
  if (!isWaiting(connection)) return;
  const { closeCode, message, retryAfterMs } = refusal;
  respond(connection, refusalResponse(refusal));
  const retry = retryAfterMs === null ? {} : { retryAfterMs };
  connection.close(closeCode, message, { ...retry, isPatient: true });
}

/** Answers a login. */
export function respond(connection: Connection, response: AuthResponse): void {
  push(connection, encodeFrame({ kind: "auth_response", response }));
}

/** Queues a frame before streams and messages. */
export function push({ transport }: Connection, frame: Encoded): void {
  transport.outbox.push("control", frame);
}
