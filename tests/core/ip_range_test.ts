import { deepEqual, equal } from "node:assert/strict";
import {
  clientKey,
  isLoopback,
  matchesAnyIpRange,
  matchesIpRange,
  parseIp,
  parseIpRange,
} from "../../src/core/ip_range.ts";

function inRange(range: string, ip: string): boolean {
  const parsed = parseIpRange(range);
  if (parsed === null) throw new Error(`${range} is no range`);
  return matchesIpRange(parsed, ip);
}

Deno.test("IP range: reads addresses of both families", () => {
  deepEqual(parseIp("10.0.0.255"), [10, 0, 0, 255]);
  deepEqual(parseIp("::1"), [...new Array(15).fill(0), 1]);
  deepEqual(parseIp("2001:DB8::ff:0")?.slice(0, 4), [0x20, 0x01, 0x0d, 0xb8]);
  deepEqual(parseIp("::"), new Array(16).fill(0));
  deepEqual(parseIp("fe80::1%eth0"), parseIp("fe80::1"));
  deepEqual(parseIp("64:ff9b::192.0.2.1")?.slice(12), [192, 0, 2, 1]);
});

Deno.test("IP range: takes an IPv4-mapped address as the IPv4 address", () => {
  deepEqual(parseIp("::ffff:10.1.2.3"), [10, 1, 2, 3]);
  deepEqual(parseIp("::FFFF:0a01:0203"), [10, 1, 2, 3]);
  deepEqual(parseIpRange("::ffff:10.0.0.0/104"), {
    text: "::ffff:10.0.0.0/104",
    base: [10, 0, 0, 0],
    prefix: 8,
  });
});

Deno.test("IP range: refuses what is no address", () => {
  const wrong = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.0.0.1",
    "01.2.3.4",
    "1.2.3.4 ",
    ":",
    ":::",
    "1::2::3",
    "12345::",
    "g::",
  ];
  wrong.push(
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4::5:6:7:8",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "[::1]",
    "localhost",
  );
  for (const text of wrong) equal(parseIp(text), null, text);
});

Deno.test("IP range: refuses what is no range", () => {
  for (
    const text of [
      "10.0.0.0/33",
      "::/129",
      "10.0.0.0/",
      "10.0.0.0/08",
      "/8",
      "10/8",
      "fe80::1%eth0/64",
      "a/8",
    ]
  ) {
    equal(parseIpRange(text), null, text);
  }
});

Deno.test("IP range: matches by the prefix alone", () => {
  equal(inRange("10.0.0.0/8", "10.255.1.2"), true);
  equal(inRange("10.0.0.0/8", "11.0.0.0"), false);
  equal(inRange("10.0.0.128/25", "10.0.0.127"), false);
  equal(inRange("10.0.0.7/24", "10.0.0.200"), true);
  equal(inRange("192.0.2.7", "192.0.2.7"), true);
  equal(inRange("192.0.2.7", "192.0.2.6"), false);
  equal(inRange("0.0.0.0/0", "203.0.113.9"), true);
  equal(inRange("fd00::/8", "fdab::1"), true);
  equal(inRange("2001:db8::/33", "2001:db8:8000::"), false);
});

Deno.test("IP range: never matches across families or a text that is no address", () => {
  equal(inRange("0.0.0.0/0", "::1"), false);
  equal(inRange("::/0", "127.0.0.1"), false);
  equal(inRange("10.0.0.0/8", "::ffff:10.0.0.1"), true);
  equal(inRange("::/0", "nonsense"), false);
});

Deno.test("IP range: matches a list when one of it matches", () => {
  const ranges = ["10.0.0.0/8", "::1"].flatMap((text) => parseIpRange(text) ?? []);
  equal(matchesAnyIpRange(ranges, "::1"), true);
  equal(matchesAnyIpRange(ranges, "192.0.2.1"), false);
  equal(matchesAnyIpRange([], "::1"), false);
});

Deno.test("IP range: knows loopback in every form", () => {
  for (const ip of ["127.0.0.1", "127.255.0.3", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"]) {
    equal(isLoopback(ip), true, ip);
  }
  for (const ip of ["128.0.0.1", "0.0.0.0", "::", "::2", "::127.0.0.1", "localhost"]) {
    equal(isLoopback(ip), false, ip);
  }
});

Deno.test("IP range: counts IPv6 by /64 and IPv4 by address", () => {
  equal(clientKey("203.0.113.9"), "203.0.113.9");
  equal(clientKey("::ffff:203.0.113.9"), "203.0.113.9");
  equal(clientKey("2001:db8:0:7::1"), "2001:db8:0:7::/64");
  equal(clientKey("2001:db8:0:7:ffff:0:0:2"), clientKey("2001:db8:0:7::1"));
  equal(clientKey("unix"), "unix");
});
