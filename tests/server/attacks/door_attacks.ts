/** Attacks on the handshake: identity smuggled in headers, credentials in wrong places, proxies that are none. */
import { Buffer } from "node:buffer";
import { newId } from "../../broker/broker_client.ts";
import { encodeClientFrame, RawClient } from "../../helpers/raw_client.ts";
import {
  answerTo,
  type Attack,
  base64url,
  bearer,
  type Fields,
  knock,
  knockText,
  offered,
  outcomeOf,
  TOKENS,
} from "./scene.ts";

const ORIGIN = ["Origin", "http://127.0.0.1"] as const;
const { reader, redAdmin, blue } = TOKENS;

function fields(name: string, list: Fields, expected = "401", path = "/relay"): Attack {
  return { name, expected, act: (scene) => knock(scene, list, path) };
}

function raw(name: string, bytes: string | Uint8Array, expected: string): Attack {
  return { name, expected, act: ({ hub }) => answerTo(hub.port, bytes) };
}

/** Fields by which something in front of a hub would tell who somebody is. */
const CLAIMED: Fields = [
  ["X-Forwarded-User", "boss"],
  ["X-Remote-User", "boss"],
  ["Remote-User", "boss"],
  ["X-Auth-Request-Email", "boss"],
  ["X-Forwarded-For", "127.0.0.1"],
  ["X-Real-IP", "127.0.0.1"],
  ["Forwarded", "for=127.0.0.1"],
  ["X-Tenant", "red"],
  ["X-Access-Token", reader],
  ["X-Authorization", `Bearer ${reader}`],
  ["Authorization_", `Bearer ${reader}`],
  ["Proxy-Authorization", `Bearer ${reader}`],
  ["Cookie", `access_token=${reader}; Authorization=Bearer ${reader}`],
];

const CLAIM_ATTACKS: readonly Attack[] = CLAIMED.flatMap(([name, value]): Attack[] => [
  fields(`${name} at the relay`, [[name, value]]),
  {
    name: `${name} at the broker`,
    expected: "UNAUTHORIZED",
    act: async ({ hub }) => {
      using client = await RawClient.connect(hub.port);
      await client.write(knockText([[name, value]], "/"));
      await client.readHead();
      const payload = `request:system.service.list:1.0.0:${newId()}\n{}`;
      await client.write(encodeClientFrame({ opcode: 1, payload }));
      await client.readFrame();
      const answer = new TextDecoder().decode((await client.readFrame())?.payload);
      return outcomeOf(JSON.parse(answer.slice(answer.indexOf("\n") + 1)));
    },
  },
]);

const HEADER_ATTACKS: readonly Attack[] = [
  fields("nothing at all", []),
  fields("nothing at all, from a browser", [ORIGIN], "101 4401"),
  fields("the same Authorization twice", [bearer(reader), bearer(reader)]),
  fields("two Authorizations, the good one first", [bearer(reader), bearer("guess")]),
  fields("two Authorizations, the good one last", [bearer("guess"), bearer(reader)]),
  fields("two Authorizations at the broker", [bearer(reader), bearer(redAdmin)], "401", "/"),
  fields("two tokens in one Authorization", [["Authorization", `Bearer ${reader}, Bearer ${redAdmin}`]]),
  fields("a token with a space in it", [["Authorization", `Bearer ${reader} ${redAdmin}`]]),
  fields("a token without its scheme", [["Authorization", reader]]),
  fields("a token in quotes", [["Authorization", `Bearer "${reader}"`]]),
  fields("a token with its percent signs", [["Authorization", `Bearer ${reader.replace("-", "%2D")}`]]),
  fields("Basic with a good token", [["Authorization", `Basic ${btoa(`boss:${redAdmin}`)}`]]),
  fields("Digest with a good token", [["Authorization", `Digest username="boss", response="${redAdmin}"`]]),
  fields("header and subprotocol", [bearer(reader), offered(reader)]),
  fields("header and subprotocol, from a browser", [bearer(reader), offered(redAdmin), ORIGIN], "101 4401"),
  fields("two tokens as subprotocols", [offered(reader), offered(redAdmin)]),
  fields("a token as subprotocol in clear", [["Sec-WebSocket-Protocol", `bearer.${reader}`]]),
  fields("a subprotocol with the prefix in capitals", [[
    "Sec-WebSocket-Protocol",
    `BEARER.${base64url(reader)}`,
  ]]),
  fields("an empty subprotocol", [["Sec-WebSocket-Protocol", "bearer."]]),
  fields("an Authorization that is folded", [["Authorization", `Bearer\r\n ${reader}`]], "400"),
  fields("a field that is folded into another", [["X-A", `b\r\n Authorization: Bearer ${reader}`]], "400"),
  fields("a space before the colon", [["Authorization ", `Bearer ${reader}`]], "400"),
  fields("a NUL in the token", [["Authorization", `Bearer ${reader}\0`]], "400"),
  fields("a lone CR in front of the field", [["X-A", `b\rAuthorization: Bearer ${reader}`]], "400"),
  fields("the static token of another tenant with a tail", [bearer(`${blue}=`)]),
  fields("a static token in capitals", [bearer(reader.toUpperCase())]),
  fields("a static token cut short", [bearer(reader.slice(0, -1))]),
];

/** Tokens in the URL of a hub that takes none from there, which is the default. */
export const URL_ATTACKS: readonly Attack[] = [
  fields("a token in the URL, which is off", [], "401", `/relay?access_token=${reader}`),
  fields("a token in the URL from a browser", [ORIGIN], "101 4401", `/relay?access_token=${reader}`),
  fields("a token in the URL at the broker", [], "401", `/?access_token=${reader}`),
  fields("a token in the URL and a good header", [bearer(reader)], "401", `/relay?access_token=${reader}`),
  fields("a token in the path", [], "401", `/relay/${reader}`),
  fields("user and password in the URL", [], "404", `http://boss:${redAdmin}@127.0.0.1/relay`),
  fields("a token behind a hash", [], "401", `/relay?a=b#access_token=${reader}`),
];

const CONNECTION_ATTACKS: readonly Attack[] = [
  {
    name: "identity of a request that came before on the connection",
    expected: "200, 401",
    act: async ({ hub }) => {
      using client = await RawClient.connect(hub.port);
      const first = `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${redAdmin}\r\n\r\n`;
      await client.write(first + knockText([]));
      const statuses = (await client.readText()).matchAll(/HTTP\/1\.1 (\d{3})/g);
      return [...statuses].map(([, status]) => status).join(", ");
    },
  },
  {
    name: "two requests in one segment, the good one second",
    expected: "401",
    act: ({ hub }) => answerTo(hub.port, knockText([]) + knockText([bearer(reader)])),
  },
  raw("a PROXY header from a source that is not listed", "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n", "400"),
  raw(
    "the binary PROXY header from there",
    Buffer.from("0d0a0d0a000d0a515549540a21110000", "hex"),
    "closed",
  ),
  raw("an agent's frames without a login", new Uint8Array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), "closed"),
  raw("an old version of HTTP", knockText([bearer(reader)]).replace("HTTP/1.1", "HTTP/1.0"), "426"),
];

/** The other attacks on the handshake. */
export const DOOR_ATTACKS: readonly Attack[] = [
  ...CLAIM_ATTACKS,
  ...HEADER_ATTACKS,
  ...CONNECTION_ATTACKS,
];
