/**
 * The system topics about services: `system.heartbeat` and `system.service.*`.
 */
import type { Clock } from "../core/ports.ts";
import { describeAll } from "./listings.ts";
import {
  type Handlers,
  invalid,
  listed,
  on,
  success,
  type SystemContext,
  type SystemResult,
} from "./system_handler.ts";
import { systemPayloads } from "./system_payloads.ts";

/** Makes the handlers; the clock may lag behind by a turn of the event loop. */
export function serviceTopics(cachedClock: Clock): Handlers {
  const { nothing, register, serviceSubscriptions } = systemPayloads;
  return [
    ["system.heartbeat", on(nothing, () => success())],
    [
      "system.service.register",
      on(register, (service, { registrant, connection }) => {
        registrant.register(service);
        return success({ serviceId: connection.id });
      }),
    ],
    [
      "system.service.list",
      on(nothing, (_, { space }) => listed("services", space.services.list(cachedClock.now()))),
    ],
    ["system.service.subscriptions", on(serviceSubscriptions, subscriptionsOf)],
  ];
}

/** The subscriptions of one service; of the one that asks when none is named. */
function subscriptionsOf(
  { serviceId }: { serviceId?: string | undefined },
  { connection, space }: SystemContext,
): SystemResult {
  const subscriber = serviceId === undefined ? connection : space.member(serviceId);
  if (subscriber === undefined) {
    const what = `the subscriptions of ${JSON.stringify(serviceId)}`;
    return invalid("serviceId", `Cannot list ${what}: no such service is connected`);
  }
  return listed("subscriptions", describeAll(space.subscriptions.of(subscriber)));
}
