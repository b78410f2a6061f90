import assert from "node:assert/strict";
import { type Fetch, fetchText } from "../../src/auth/fetch_text.ts";
import { FakeTime } from "../helpers/fake_time.ts";

const START = "https://id.example/keys";

function get(fetch: Fetch, maxBytes = 100) {
  return fetchText(START, { fetch, timeoutMs: 5000, maxBytes, contentTypes: ["application/json"] });
}

function answer(body: BodyInit | null, init: ResponseInit = {}): Fetch {
  return () =>
    Promise.resolve(new Response(body, { headers: { "content-type": "application/json" }, ...init }));
}

/** Sends on from each URL to the next. */
function redirects(...locations: string[]): { fetch: Fetch; asked: string[] } {
  const asked: string[] = [];
  const fetch: Fetch = (url) => {
    const location = locations[asked.push(url) - 1];
    return location === undefined
      ? answer("{}")(url, {})
      : Promise.resolve(new Response("on", { status: 302, headers: { location } }));
  };
  return { fetch, asked };
}

Deno.test("fetchText: gives the text of what was asked for, whatever parameters its type has", async () => {
  const headers = { "content-type": "Application/JSON ; charset=utf-8" };
  assert.deepEqual(await get(answer("{}", { headers })), { ok: true, text: "{}" });
  assert.deepEqual(await get(answer("x".repeat(100))), { ok: true, text: "x".repeat(100) });
});

Deno.test("fetchText: takes no other status and no other content", async () => {
  const refused: Fetch[] = [
    answer("{}", { status: 500 }),
    answer("{}", { status: 201 }),
    answer(null, { status: 304 }),
    answer("{}", { headers: { "content-type": "text/html" } }),
    answer("{}", { headers: {} }),
    () => Promise.reject(new TypeError("connection refused")),
  ];
  for (const fetch of refused) assert.equal((await get(fetch)).ok, false);
});

Deno.test("fetchText: reads no more than it may, though the body has no end", async () => {
  let pieces = 0;
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      pieces++;
      controller.enqueue(new Uint8Array(60));
    },
    cancel: () => {
      isCancelled = true;
    },
  });
  assert.deepEqual(await get(answer(body)), { ok: false, reason: "the answer is larger than 100 bytes" });
  assert.ok(isCancelled && pieces <= 4, `${pieces} pieces`);
});

Deno.test("fetchText: gives up whoever does not answer, and whoever does not end", async () => {
  const silent: Fetch = (_url, { signal }) =>
    new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  const endless: Fetch = (url, init) => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) =>
        init.signal?.addEventListener("abort", () => controller.error(init.signal?.reason)),
    });
    return answer(body)(url, init);
  };
  for (const fetch of [silent, endless]) {
    using time = new FakeTime();
    const result = get(fetch);
    await Promise.resolve();
    time.tick(5000);
    assert.deepEqual(await result, { ok: false, reason: "no answer within 5000 ms" });
    assert.equal(time.timers, 0);
  }
});

Deno.test("fetchText: follows a few redirects, relative ones too", async () => {
  const { fetch, asked } = redirects("/a", "https://other.example/b", "c");
  assert.equal((await get(fetch)).ok, true);
  assert.deepEqual(asked, [
    START,
    "https://id.example/a",
    "https://other.example/b",
    "https://other.example/c",
  ]);
  assert.equal((await get(redirects("/1", "/2", "/3", "/4").fetch)).ok, false);
});

Deno.test("fetchText: never goes from https to http, to another scheme or to a URL with a password", async () => {
  for (
    const location of [
      "http://id.example/keys",
      "file:///etc/passwd",
      "data:,{}",
      "https://a:b@id.example/",
      "http://[",
    ]
  ) {
    const { fetch, asked } = redirects(location);
    assert.equal((await get(fetch)).ok, false, location);
    assert.deepEqual(asked, [START]);
  }
  const noLocation: Fetch = () => Promise.resolve(new Response(null, { status: 302 }));
  assert.equal((await get(noLocation)).ok, false);
});
