/** The attacks by token, tried in each of the ways that a token can come. */
import type { Transport } from "../../broker/broker_client.ts";
import { strangerOf, TOKEN_ATTACKS, type TokenAttack } from "../../helpers/token_attacks.ts";
import { type Json, signJwt, signWithSecret } from "../../helpers/jwt.ts";
import {
  type Attack,
  type AttackScene,
  authenticate,
  bearer,
  knock,
  offered,
  SECRET,
  USER,
} from "./scene.ts";

/** What signs the tokens that the hub believes. */
export type Against = NonNullable<TokenAttack["against"]>;

/** More than fits into the head of a request, as it is and as base64url. */
const [LONG, LONG_ENCODED] = [15 * 1024, 11 * 1024];
/** What a header can carry behind the spaces that may stand before it. */
const VISIBLE = /^(?! )[\x20-\x7e]*$/;
/** After so long keys may be loaded again. */
const KEYS_COOLDOWN_MS = 10_000;
const MAX_TOKEN_CHARACTERS = 16 * 1024;

/** One way in. */
export interface TokenWay {
  readonly name: string;
  /** Shows a token; gives what the hub answers. */
  readonly show: (scene: AttackScene, token: string) => Promise<string>;
  /** The code by which this way refuses a token; `null`: it cannot carry it. */
  readonly refusalOf: (token: string) => string | null;
}

function byMessage(name: string, transport: Transport): TokenWay {
  return {
    name,
    show: async (scene, token) => {
      await using client = await scene.connect(transport);
      return await authenticate(client, { token });
    },
    refusalOf: (token) => isNoToken(token) ? "INVALID_REQUEST" : "UNAUTHORIZED",
  };
}

/** Whether a text is refused before anybody looks at what it says. */
function isNoToken(token: string): boolean {
  return token === "" || token.length > MAX_TOKEN_CHARACTERS;
}

/** All ways in, and how each refuses. */
export const WAYS: readonly TokenWay[] = [
  {
    name: "header",
    show: (scene, token) => knock(scene, [bearer(token)], "/"),
    refusalOf: (token) => !VISIBLE.test(token) ? null : token.length > LONG ? "431" : "401",
  },
  {
    name: "subprotocol of a browser",
    show: (scene, token) => knock(scene, [["Origin", "http://127.0.0.1"], offered(token)], "/"),
    refusalOf: (token) => token.length > LONG_ENCODED ? "431" : "101 4401",
  },
  byMessage("message over TCP", "text"),
  byMessage("message over WebSocket", "websocket"),
  {
    name: "JSON line",
    show: async (scene, token) => {
      await using client = await scene.greet();
      const answer = await client.ask({ type: "auth", token });
      return String(answer?.["code"] ?? answer?.["status"]);
    },
    // A longer line is not read, whatever it says.
    refusalOf: (token) => isNoToken(token) ? "unknown_message_type" : "invalid_token",
  },
];

/** What attackers know of a scene. */
function worldOf({ provider }: AttackScene, against: Against) {
  const { key, issuer } = provider;
  const now = Math.floor(Date.now() / 1000);
  const sign = (claims: unknown, header?: Json) =>
    against === "keys" ? signJwt(claims, key, header) : signWithSecret(claims, SECRET, header);
  const claims = { iss: issuer, aud: "hub", iat: now, exp: now + 300, ...USER };
  return { now, claims, sign, key, stranger: strangerOf(key.keyId), secret: SECRET };
}

/** Every attack that means something against what the hub believes, in every way that can carry it. */
export function tokenAttacks(scene: AttackScene, against: Against): readonly Attack[] {
  const world = worldOf(scene, against);
  const attacks = TOKEN_ATTACKS.filter((attack) => (attack.against ?? against) === against);
  return attacks.flatMap(({ name, make, expected: reason }) => {
    const token = make(world);
    return WAYS.flatMap(({ name: way, show, refusalOf }): Attack[] => {
      const expected = refusalOf(token);
      const act = () => {
        // That there is no such key is known for sure when the keys can be loaded anew.
        if (reason === "unknown") scene.clock.pass(KEYS_COOLDOWN_MS);
        return show(scene, token);
      };
      return expected === null ? [] : [{ name: `${name}: ${way}`, act, expected }];
    });
  });
}

/** A token that is let in. */
export function goodToken(scene: AttackScene, against: Against): string {
  const { sign, claims } = worldOf(scene, against);
  return sign(claims);
}
