import { equal } from "node:assert/strict";
import { nearest } from "../../src/config/suggest.ts";

const KEYS = ["listen", "tls", "origins", "max_connections", "max_connections_per_ip"];

Deno.test("Config: suggests the nearest key for a slip of the finger", () => {
  equal(nearest("lisen", KEYS), "listen");
  equal(nearest("Listen", KEYS), "listen");
  equal(nearest("tsl", KEYS), "tls");
  equal(nearest("orgin", KEYS), "origins");
  equal(nearest("max-connections", KEYS), "max_connections");
});

Deno.test("Config: suggests nothing when no key is near", () => {
  equal(nearest("certificate", KEYS), null);
  equal(nearest("x", KEYS), null);
  equal(nearest("", KEYS), null);
  equal(nearest("listen", []), null);
});
