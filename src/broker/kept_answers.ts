/** What publishers are told of messages that are kept. */
import type { KeptMessage } from "../store/message_store.ts";
import type { BrokerError } from "./broker_error.ts";
import type { KeptResult } from "./tenant_archive.ts";

const SUCCESS = JSON.stringify({ status: "success" });

/** The answer to a message that cannot be kept now. */
export const NOT_KEPT: BrokerError = {
  code: "SERVICE_UNAVAILABLE",
  message: "Too many messages wait to be written to the disk: nobody got this one; send it again in a while",
};

/** The answer to a message that is safe; with history it says where it stands. */
export function keptAnswer({ id }: KeptMessage, result: KeptResult): string {
  if (result.kind !== "safe" || result.rules.history === null) return SUCCESS;
  return `{"status":"success","id":"${id}","position":"${id}"}`;
}

/** What went wrong; `null` when nothing did. */
export function keepingError(topic: string, result: KeptResult): BrokerError | null {
  switch (result.kind) {
    case "safe":
      return null;
    case "full": {
      const message =
        `Cannot keep the value of ${topic}: there are as many retained values as are allowed; ` +
        "it was delivered";
      return { code: "LIMIT_REACHED", message };
    }
    case "unsafe": {
      const message = `Cannot make the message to ${topic} safe: ${result.reason}; it was delivered, but a ` +
        "restart of the hub may lose it. Send it again with the same requestId";
      return { code: "INTERNAL_ERROR", message };
    }
  }
}
