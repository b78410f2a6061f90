import assert from "node:assert/strict";
import { type CredentialOptions, type Credentials, readCredentials } from "../../src/hub/credentials.ts";

const NO_QUERY: CredentialOptions = { query: false };
const QUERY: CredentialOptions = { query: true };
const JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln_-";
const ENCODED = btoa(JWT).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

function read(rawHeaders: readonly string[], url = "/", options = NO_QUERY): Credentials {
  return readCredentials({ url, rawHeaders }, options);
}

Deno.test("Credentials: a token comes in a header, a subprotocol or the query", () => {
  const token = (via: string) => ({ kind: "token", token: JWT, via });
  assert.deepEqual(read(["Host", "x", "aUTHORIZATION", `bearer ${JWT}`]), token("header"));
  assert.deepEqual(
    read(["Sec-WebSocket-Protocol", `trunkline.text.v1, bearer.${ENCODED}`]),
    token("subprotocol"),
  );
  assert.deepEqual(read([], `/?a=b&access_token=${JWT}`, QUERY), token("query"));
  assert.deepEqual(read(["Host", "x", "Sec-WebSocket-Protocol", "trunkline.text.v1"], "/?a=b"), {
    kind: "none",
  });
});

const INVALID: readonly { readonly name: string; readonly read: () => Credentials }[] = [
  { name: "another scheme", read: () => read(["Authorization", `Basic ${btoa("a:b")}`]) },
  { name: "a scheme without a token", read: () => read(["Authorization", "Bearer"]) },
  { name: "two words behind the scheme", read: () => read(["Authorization", `Bearer ${JWT} ${JWT}`]) },
  { name: "a token with other characters", read: () => read(["Authorization", 'Bearer a"b']) },
  {
    name: "the field twice",
    read: () => read(["Authorization", `Bearer ${JWT}`, "authorization", `Bearer ${JWT}`]),
  },
  {
    name: "header and subprotocol",
    read: () => read(["Authorization", `Bearer ${JWT}`, "Sec-WebSocket-Protocol", `bearer.${ENCODED}`]),
  },
  {
    name: "two subprotocols",
    read: () => read(["Sec-WebSocket-Protocol", `bearer.${ENCODED}, bearer.${ENCODED}`]),
  },
  { name: "a subprotocol that is not base64url", read: () => read(["Sec-WebSocket-Protocol", "bearer.a+b"]) },
  {
    name: "a subprotocol of control characters",
    read: () => read(["Sec-WebSocket-Protocol", `bearer.${btoa("\n")}`]),
  },
  { name: "a query where it is off", read: () => read([], `/?access_token=${JWT}`) },
  { name: "the query twice", read: () => read([], `/?access_token=${JWT}&access_token=x`, QUERY) },
  { name: "an encoded name in the query where it is off", read: () => read([], `/?access%5Ftoken=${JWT}`) },
];

Deno.test("Credentials: what is no single token is refused, and not repeated", () => {
  for (const { name, read } of INVALID) {
    const credentials = read();
    assert.equal(credentials.kind, "invalid", name);
    assert.ok(!JSON.stringify(credentials).includes(JWT), name);
  }
});
