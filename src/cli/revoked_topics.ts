/** The notice of the hub that subscriptions ended because the login has fewer rights now. */
import { printable } from "../core/printable.ts";
import { isJsonObject, readJsonObject } from "../wire/error_payload.ts";

/** The patterns that it names. */
export function readRevoked(payload: Uint8Array): string[] {
  const subscriptions = readJsonObject(payload)?.["subscriptions"];
  const topics = Array.isArray(subscriptions)
    ? subscriptions.map((one) => isJsonObject(one) ? one["topic"] : null)
    : [];
  return topics.filter((topic) => typeof topic === "string");
}

/** What a person is told of one. */
export function rightTakenAway(topic: string): string {
  return `The right to ${printable(topic)} was taken away`;
}
