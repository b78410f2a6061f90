import { deepEqual, equal, match } from "node:assert/strict";
import { loadRight, loadWrong } from "./loading.ts";

Deno.test("Config: hub.tls.deny takes fingerprints and serial numbers, with colons or not", () => {
  const fingerprint = "ab:".repeat(31) + "CD";
  const entries = [
    "0a",
    "f",
    "0A:0B:0C",
    "1234567890abcdef1234567890abcdef12345678",
    fingerprint,
    "AB".repeat(32),
  ];
  const { config } = loadRight({ set: [`hub.tls.deny=${JSON.stringify(entries)}`] });
  deepEqual(config.hub.tls.deny, entries);
});

Deno.test("Config: hub.tls.deny refuses what is neither, and numbers that YAML has made of digits", () => {
  for (const entry of ['"edge-1"', '"0x0A"', '""', '"0A:"', `"${"AB".repeat(33)}"`, "1234", "12e5"]) {
    const [mistake = "", ...others] = loadWrong({ set: [`hub.tls.deny=[${entry}]`] });
    match(mistake, /hub\.tls\.deny\[0\]: .*in hex and in quotes/, entry);
    equal(others.length, 0);
  }
});
