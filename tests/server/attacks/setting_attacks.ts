/** Attacks that the settings of a hub change: tokens in the URL where that is on, and a relay for everybody. */
import { type Attack, bearer, type Fields, knock, TOKENS } from "./scene.ts";

const { reader, redAdmin } = TOKENS;
const BROWSER: Fields = [["Origin", "http://127.0.0.1"]];

/** Of a hub that takes tokens from the URL. */
export const QUERY_TOKEN = ["auth.query_token=true"];
/** A guess that a log could hold. */
export const GUESS = "guess-that-stands-in-the-url";

function inUrl(
  name: string,
  query: string,
  { fields = [], expected = "401" }: { fields?: Fields; expected?: string } = {},
): Attack {
  return { name: `${name} in the URL`, expected, act: (scene) => knock(scene, fields, `/relay?${query}`) };
}

/** Attacks on a hub that takes tokens from the URL. */
export const QUERY_ATTACKS: readonly Attack[] = [
  inUrl("a guess", `access_token=${GUESS}`),
  inUrl("a guess of a browser", `access_token=${GUESS}`, { fields: BROWSER, expected: "101 4401" }),
  inUrl("the same token twice", `access_token=${reader}&access_token=${reader}`),
  inUrl("a guess and a good token", `access_token=${GUESS}&access_token=${reader}`),
  inUrl("the token of the header, again,", `access_token=${reader}`, { fields: [bearer(reader)] }),
  inUrl("a guess beside a good header", `access_token=${GUESS}`, { fields: [bearer(reader)] }),
  inUrl("no token", "access_token="),
  inUrl("a token with a zero byte", `access_token=${reader}%00`),
  inUrl("a token under another name", `token=${reader}&Access_Token=${redAdmin}`),
];

/** Of a hub whose relay is open to everybody. */
export const OPEN_RELAY = ["relay.auth=none"];

/** Attacks on a hub whose relay is open to everybody, while its broker is not. */
export const OPEN_RELAY_ATTACKS: readonly Attack[] = [
  {
    name: "a guess at the broker beside an open relay",
    expected: "401",
    act: (scene) => knock(scene, [bearer(GUESS)], "/"),
  },
  {
    name: "a room of the open relay under a tenant's name",
    expected: "404",
    act: (scene) => knock(scene, [], "/relay/red/room"),
  },
  {
    name: "the same with the slash hidden",
    expected: "404",
    act: (scene) => knock(scene, [], "/relay/red%2Froom"),
  },
  {
    name: "a path that leads out of the relay",
    expected: "404",
    act: (scene) => knock(scene, [], "/relay/../ws"),
  },
];
