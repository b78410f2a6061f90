import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import {
  ADDRESS_PATTERN,
  DURATION_PATTERN,
  FACTOR_PATTERN,
  formatAddress,
  formatDuration,
  formatFactor,
  formatPortRange,
  formatSize,
  parseAddress,
  parseDuration,
  parseFactor,
  parseHost,
  parseSize,
  PORT_RANGE_PATTERN,
  SIZE_PATTERN,
} from "../../src/config/units.ts";
import { parsePortRange } from "../../src/core/port_range.ts";

const PORT = fc.nat(65535);

Deno.test("Config units: every duration reads back as it was written", () => {
  fc.assert(fc.property(fc.nat(10 ** 12), (ms) => {
    const text = formatDuration(ms);
    equal(parseDuration(text), ms);
    equal(new RegExp(DURATION_PATTERN).test(text), true);
  }));
});

Deno.test("Config units: every size reads back as it was written", () => {
  fc.assert(fc.property(fc.nat(2 ** 31), fc.constantFrom(1, 2 ** 10, 2 ** 20), (count, scale) => {
    const text = formatSize(count * scale);
    equal(parseSize(text), count * scale);
    equal(text === "0" || new RegExp(SIZE_PATTERN).test(text), true);
  }));
});

Deno.test("Config units: every address reads back as it was written", () => {
  const ipv4 = fc.ipV4().filter((host) => !/\b0\d/.test(host));
  fc.assert(
    fc.property(
      fc.oneof(
        ipv4,
        fc.domain().filter((name) => parseHost(name) === name),
        fc.ipV6(),
      ),
      PORT,
      (host, port) => {
        const address = { host: host.toLowerCase(), port };
        const text = formatAddress(address);
        deepEqual(parseAddress(text), address);
        equal(new RegExp(ADDRESS_PATTERN).test(text), true);
      },
    ),
  );
});

Deno.test("Config units: every range of ports and every factor reads back as it was written", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 1, max: 65535 }), (a, b) => {
    const range = { first: Math.min(a, b), last: Math.max(a, b) };
    deepEqual(parsePortRange(formatPortRange(range)), range);
    equal(new RegExp(PORT_RANGE_PATTERN).test(formatPortRange(range)), true);
  }));
  fc.assert(fc.property(fc.nat(100_000), (hundredths) => {
    equal(parseFactor(formatFactor(hundredths / 100)), hundredths / 100);
    equal(new RegExp(FACTOR_PATTERN).test(formatFactor(hundredths / 100)), true);
  }));
});

Deno.test("Config units: reads durations with their unit only", () => {
  equal(parseDuration("500ms"), 500);
  equal(parseDuration("1.5s"), 1500);
  equal(parseDuration("0.1s"), 100);
  equal(parseDuration("2m"), 120_000);
  equal(parseDuration("24h"), 86_400_000);
  equal(parseDuration("7d"), 604_800_000);
  for (
    const text of [
      "",
      "5",
      "5 s",
      "-5s",
      "5S",
      "s",
      "5sec",
      "1h30m",
      "0.5ms",
      "1e3s",
      ".5s",
      "9".repeat(20) + "s",
    ]
  ) {
    equal(parseDuration(text), null, text);
  }
});

Deno.test("Config units: reads sizes in powers of two only", () => {
  equal(parseSize("512"), 512);
  equal(parseSize("512B"), 512);
  equal(parseSize("64KiB"), 65536);
  equal(parseSize("1.5MiB"), 1_572_864);
  equal(parseSize("2GiB"), 2 ** 31);
  for (const text of ["", "64KB", "64k", "64 KiB", "-1B", "0.5B", "1.3KiB", "KiB", "9".repeat(15) + "GiB"]) {
    equal(parseSize(text), null, text);
  }
});

Deno.test("Config units: reads addresses, a port alone as every IPv4 interface", () => {
  deepEqual(parseAddress(":8443"), { host: "0.0.0.0", port: 8443 });
  deepEqual(parseAddress("[::1]:0"), { host: "::1", port: 0 });
  deepEqual(parseAddress("[::FFFF:10.0.0.1]:1"), { host: "::ffff:10.0.0.1", port: 1 });
  deepEqual(parseAddress("Hub.Example:65535"), { host: "hub.example", port: 65535 });
  const wrong = [
    "",
    "8443",
    "host",
    "host:",
    "::1:80",
    "[::1]",
    "[host]:1",
    "[127.0.0.1]:1",
    "1.2.3:4",
    "300.1.1.1:4",
  ];
  wrong.push("host:65536", "host:-1", "host:1x", "a b:1", "-a:1", "a..b:1", "*:80", "http://a:1", "[]:1");
  for (const text of wrong) equal(parseAddress(text), null, text);
});

Deno.test("Config units: refuses ranges of ports that are empty or begin at 0", () => {
  deepEqual(parsePortRange("80"), { first: 80, last: 80 });
  for (const text of ["", "0-5", "5-4", "1-65536", "1-", "-5", "1-2-3", "a-b"]) {
    equal(parsePortRange(text), null, text);
  }
  for (const text of ["", "2", "x", "-2x", "2X", "2xx"]) equal(parseFactor(text), null, text);
});
