import { deepEqual, equal } from "node:assert/strict";
import { parseLocalService } from "../../src/config/local_service.ts";

Deno.test("Local service: every form of it, and what it is shown as reads back", () => {
  const forms = {
    "3000": ["127.0.0.1:3000", null, "127.0.0.1", 3000],
    ":3000": ["127.0.0.1:3000", null, "127.0.0.1", 3000],
    "DB.lan:5432": ["db.lan:5432", null, "db.lan", 5432],
    "[::1]:22": ["[::1]:22", null, "::1", 22],
    "http://127.0.0.1:3000": ["http://127.0.0.1:3000", "http", "127.0.0.1", 3000],
    "http://app.local/": ["http://app.local:80", "http", "app.local", 80],
    "https://[::1]": ["https://[::1]:443", "https", "::1", 443],
  };
  for (const [text, expected] of Object.entries(forms)) {
    const service = parseLocalService(text);
    deepEqual([service?.text, service?.scheme, service?.host, service?.port], expected, text);
    deepEqual(parseLocalService(service?.text ?? ""), service);
  }
});

Deno.test("Local service: what is none is refused", () => {
  const wrong = [
    "",
    "0",
    "65536",
    "a",
    "a:",
    "a b:1",
    "[a]:1",
    "[127.0.0.1]:1",
    "::1:1",
    "tcp://a:1",
    "http://",
  ];
  const urls = [
    "http://a/path",
    "http://a?x",
    "http://me@a",
    "http://me:secret@a",
    "http://a#x",
    "http://a:0",
  ];
  for (const text of [...wrong, ...urls]) equal(parseLocalService(text), null, text);
});
