/** The options of every command that dials a hub. */
import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";

const dialling = object({
  token: optional(
    option("--token", string({ metavar: "TOKEN" }), {
      description:
        message`Log in with this token; by default what ${"TRUNKLINE_TOKEN"} says, which others cannot \
see in the list of processes.`,
    }),
  ),
  ca: optional(
    option("--ca", string({ metavar: "FILE" }), {
      description: message`PEM of the authority that signed the hub's certificate.`,
    }),
  ),
  cert: optional(
    option("--cert", string({ metavar: "FILE" }), { description: message`PEM of a client certificate.` }),
  ),
  key: optional(option("--key", string({ metavar: "FILE" }), { description: message`PEM of its key.` })),
  insecure: option("--insecure", {
    description: message`Do not verify the hub's certificate and host name; for tests only.`,
  }),
});

function hubUrl(defaultUrl: string) {
  return object({
    url: optional(
      option("--url", string({ metavar: "URL" }), {
        description:
          message`The hub: ws://, wss://, tcp:// or tls://; by default what ${"TRUNKLINE_URL"} says, \
else ${defaultUrl}.`,
      }),
    ),
  });
}

/** Which hub, and how it is dialled for messages. */
export const connection = merge(hubUrl("ws://127.0.0.1:8443"), dialling);
/** The same for tunnels, which like TCP and TLS best. */
export const tunnelConnection = merge(hubUrl("tcp://127.0.0.1:8443"), dialling);
