/** Attacks of those who guess: from one address, from many, through whatever way in. The hub believes a proxy. */
import assert from "node:assert/strict";
import { BrokerClient, proxyLine } from "../../broker/broker_client.ts";
import { RawClient } from "../../helpers/raw_client.ts";
import {
  type Attack,
  type AttackScene,
  authenticate,
  bearer,
  type Fields,
  knockText,
  offered,
  TOKENS,
} from "./scene.ts";

/** So many guesses lock out. */
const THRESHOLD = 5;
/** Of a hub behind a proxy on this machine, whose PROXY headers it believes. */
export const BEHIND_PROXY = ["hub.proxy_protocol=[127.0.0.1]", `auth.lockout.threshold=${THRESHOLD}`];

let lastGuess = 0;

/** A token that nobody has. */
function guess(): string {
  return `guess-${++lastGuess}`;
}

async function knockFrom(scene: AttackScene, from: string, fields: Fields): Promise<string> {
  using client = await RawClient.connect(scene.hub.port);
  await client.write(proxyLine(from) + knockText(fields, "/relay"));
  const head = await client.readHead().catch(() => "closed");
  const status = head.split(" ")[1] ?? head;
  if (status === "429") assert.match(head, /\r\nRetry-After: \d+\r\n/);
  return status === "101" ? `101 ${await client.readCloseCode()}` : status;
}

async function byMessage(scene: AttackScene, from: string, token: string): Promise<string> {
  await using client = await BrokerClient.connect(scene.hub, "text", { from });
  return await authenticate(client, { token });
}

async function byLine(scene: AttackScene, from: string, token: string): Promise<string> {
  await using client = await scene.greet(proxyLine(from));
  const answer = await client.ask({ type: "auth", token });
  return String(answer?.["code"] ?? answer?.["status"]);
}

/** Guesses until the address has to be locked out, each time from what `fromOf` gives. */
async function guessFrom(
  scene: AttackScene,
  fromOf: (at: number) => string,
  times = THRESHOLD,
): Promise<void> {
  for (let at = 0; at < times; at++) {
    assert.equal(await byMessage(scene, fromOf(at), guess()), "UNAUTHORIZED");
  }
}

/** Each has addresses of its own, as they share a hub. */
const FROM_ONE_ADDRESS: readonly Attack[] = [
  {
    name: "a good token after many guesses (message)",
    expected: "RATE_LIMITED",
    act: async (scene) => {
      await guessFrom(scene, () => "203.0.113.1");
      return await byMessage(scene, "203.0.113.1", TOKENS.reader);
    },
  },
  {
    name: "a good token after many guesses (header)",
    expected: "429",
    act: async (scene) => {
      await guessFrom(scene, () => "203.0.113.2");
      return await knockFrom(scene, "203.0.113.2", [bearer(TOKENS.reader)]);
    },
  },
  {
    name: "a good token after many guesses (browser)",
    expected: "101 4429",
    act: async (scene) => {
      await guessFrom(scene, () => "203.0.113.3");
      return await knockFrom(scene, "203.0.113.3", [["Origin", "http://127.0.0.1"], offered(TOKENS.reader)]);
    },
  },
  {
    name: "a good token after many guesses (JSON line)",
    expected: "rate_limit_exceeded",
    act: async (scene) => {
      await guessFrom(scene, () => "203.0.113.4");
      return await byLine(scene, "203.0.113.4", TOKENS.reader);
    },
  },
  {
    name: "another way in for each guess",
    expected: "RATE_LIMITED",
    act: async (scene) => {
      const from = "203.0.113.5";
      await knockFrom(scene, from, [bearer(guess())]);
      await knockFrom(scene, from, [["Origin", "http://127.0.0.1"], offered(guess())]);
      await byLine(scene, from, guess());
      await guessFrom(scene, () => from, THRESHOLD - 3);
      return await byMessage(scene, from, guess());
    },
  },
  {
    name: "a good token between the guesses",
    expected: "RATE_LIMITED",
    act: async (scene) => {
      const from = "203.0.113.6";
      await guessFrom(scene, () => from, THRESHOLD - 1);
      assert.equal(await byMessage(scene, from, TOKENS.reader), "success");
      await guessFrom(scene, () => from, 1);
      return await byMessage(scene, from, guess());
    },
  },
  {
    name: "all guesses on one connection",
    expected: "RATE_LIMITED",
    act: async (scene) => {
      await using client = await BrokerClient.connect(scene.hub, "text", { from: "203.0.113.7" });
      for (let at = 0; at < THRESHOLD; at++) {
        assert.equal(await authenticate(client, { token: guess() }), "UNAUTHORIZED");
      }
      return await authenticate(client, { token: TOKENS.reader });
    },
  },
  {
    name: "guesses in the form of JSON Web Tokens",
    expected: "RATE_LIMITED",
    act: async (scene) => {
      const from = "203.0.113.8";
      for (let at = 0; at < THRESHOLD; at++) {
        const token = scene.token({ sub: `user-${at}`, aud: "else" });
        assert.equal(await byMessage(scene, from, token), "UNAUTHORIZED");
      }
      return await byMessage(scene, from, scene.token());
    },
  },
];

const FROM_MANY: readonly Attack[] = [
  {
    name: "many addresses of one IPv6 network",
    expected: "RATE_LIMITED",
    act: async (scene) => {
      await guessFrom(scene, (at) => `2001:db8:0:1:${at}::${at + 1}`);
      return await byMessage(scene, "2001:db8:0:1:ffff::1", TOKENS.reader);
    },
  },
  {
    name: "an IPv4 address written as IPv6",
    expected: "RATE_LIMITED",
    act: async (scene) => {
      await guessFrom(scene, (at) => at % 2 === 0 ? "203.0.113.20" : "::ffff:203.0.113.20");
      return await byMessage(scene, "203.0.113.20", TOKENS.reader);
    },
  },
  {
    name: "many addresses that only a header names",
    expected: "429",
    act: async (scene) => {
      const from = "203.0.113.21";
      for (let at = 0; at < THRESHOLD; at++) {
        const fields: Fields = [bearer(guess()), ["X-Forwarded-For", `198.51.100.${at}`], [
          "Forwarded",
          `for=198.51.100.${at}`,
        ]];
        assert.equal(await knockFrom(scene, from, fields), "401");
      }
      return await knockFrom(scene, from, [bearer(guess()), ["X-Forwarded-For", "198.51.100.99"]]);
    },
  },
  {
    name: "many addresses in PROXY headers behind that of the proxy",
    expected: "400",
    act: async (scene) => {
      using client = await RawClient.connect(scene.hub.port);
      await client.write(
        proxyLine("203.0.113.22") + proxyLine("198.51.100.1") + knockText([bearer(guess())]),
      );
      return (await client.readHead()).split(" ")[1] ?? "";
    },
  },
  {
    name: "no PROXY header where the proxy has to send one",
    expected: "closed",
    act: async (scene) => {
      using client = await RawClient.connect(scene.hub.port);
      await client.write(knockText([bearer(TOKENS.reader)]));
      return (await client.readText()) === "" ? "closed" : "answered";
    },
  },
];

/** What somebody does to lock out others; the code is what those are answered. */
const AGAINST_OTHERS: readonly Attack[] = [
  {
    name: "lock out another's subject by guesses in its name",
    expected: "success",
    act: async (scene) => {
      for (let at = 0; at < 2 * THRESHOLD; at++) {
        const token = scene.token({ sub: "victim", aud: `guess-${at}` });
        await byMessage(scene, `203.0.113.${40 + at % 5}`, token);
      }
      return await byMessage(scene, "203.0.113.50", scene.token({ sub: "victim" }));
    },
  },
  {
    name: "lock out a neighbour by the same old token again and again",
    expected: "success",
    act: async (scene) => {
      const from = "203.0.113.51";
      const old = guess();
      for (let at = 0; at < 2 * THRESHOLD; at++) await byMessage(scene, from, old);
      assert.equal(await byMessage(scene, from, old), "RATE_LIMITED");
      return await byMessage(scene, from, TOKENS.reader);
    },
  },
  {
    name: "lock out a neighbour in the next IPv6 network",
    expected: "success",
    act: async (scene) => {
      await guessFrom(scene, () => "2001:db8:0:2::1");
      return await byMessage(scene, "2001:db8:0:3::1", TOKENS.reader);
    },
  },
  {
    name: "end the login of somebody behind the same address by guesses",
    expected: "success",
    act: async (scene) => {
      const from = "203.0.113.52";
      await using victim = await BrokerClient.connect(scene.hub, "text", { from, token: scene.token() });
      await guessFrom(scene, () => from);
      return await authenticate(victim, { token: scene.token() });
    },
  },
  {
    name: "guess for ever on the login of somebody who is in",
    expected: "RATE_LIMITED",
    act: async (scene) => {
      const from = "203.0.113.53";
      await using client = await BrokerClient.connect(scene.hub, "text", { from, token: scene.token() });
      for (let at = 0; at < THRESHOLD; at++) await authenticate(client, { token: guess() });
      return await authenticate(client, { token: guess() });
    },
  },
];

/** The attacks of those who guess, on a hub {@link BEHIND_PROXY}. */
export const LOCKOUT_ATTACKS: readonly Attack[] = [...FROM_ONE_ADDRESS, ...FROM_MANY, ...AGAINST_OTHERS];
