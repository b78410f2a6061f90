/** What `trunkline token` takes, beside a configuration. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { constant, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { duration } from "./duration_parser.ts";

/** `trunkline token`. */
export const tokenOptions = object({
  name: constant("token"),
  subject: withDefault(
    option("--subject", string({ metavar: "NAME" }), {
      description: message`Who logs in with it; ${"developer"} by default.`,
    }),
    "developer",
  ),
  tenant: optional(
    option("--tenant", string({ metavar: "NAME" }), { description: message`Its tenant.` }),
  ),
  account: optional(
    option("--account", string({ metavar: "NAME" }), { description: message`Its account.` }),
  ),
  roles: multiple(
    option("--role", string({ metavar: "NAME" }), {
      description: message`A role of ${"auth.permissions"}; may be repeated.`,
    }),
  ),
  expiresMs: withDefault(
    option("--expires", duration(), { description: message`How long it holds; ${"1h"} by default.` }),
    3_600_000,
  ),
  issuer: optional(
    option("--issuer", string({ metavar: "NAME" }), {
      description: message`Its issuer; by default ${"auth.jwt.issuer"}, if that is set.`,
    }),
  ),
  audience: optional(
    option("--audience", string({ metavar: "NAME" }), {
      description: message`Its audience; by default the first of ${"auth.jwt.audience"}, if that is set.`,
    }),
  ),
});
