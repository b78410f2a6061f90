import { deepEqual, equal } from "node:assert/strict";
import { parseHubUrl } from "../../src/config/hub_url.ts";

Deno.test("Hub URL: is taken apart, each scheme with its own port", () => {
  const parts = (text: string) => {
    const url = parseHubUrl(text);
    return typeof url === "string" ? url : [url.text, url.scheme, url.isSecure, url.host, url.port, url.path];
  };
  deepEqual(parts("tcp://hub.example"), ["tcp://hub.example", "tcp", false, "hub.example", 8443, ""]);
  deepEqual(parts("tls://HUB.example:1/"), ["tls://HUB.example:1", "tls", true, "hub.example", 1, ""]);
  deepEqual(parts("ws://127.0.0.1"), ["ws://127.0.0.1", "ws", false, "127.0.0.1", 80, ""]);
  deepEqual(parts("wss://[::1]:9/a?b=c"), ["wss://[::1]:9/a?b=c", "wss", true, "::1", 9, "/a?b=c"]);
  deepEqual(parts("ws://a/?b"), ["ws://a/?b", "ws", false, "a", 80, "/?b"]);
});

Deno.test("Hub URL: what is none says why", () => {
  const faults: Record<string, readonly string[]> = {
    scheme: ["", "hub.example:8443", "127.0.0.1:8443", "http://a", "tls//a", "ws://a:99999"],
    credentials: ["tls://me@a", "wss://me:secret@a", "ws://:secret@a"],
    rest: ["tls://a/path", "tcp://a?x", "ws://a/#x", "tcp://a#x"],
    host: ["tcp://", "tls://-", "tcp://1.2.3", "ws://", "WSS://:8443", "ws://?a"],
  };
  for (const [fault, texts] of Object.entries(faults)) {
    for (const text of texts) equal(parseHubUrl(text), fault, text);
  }
});
