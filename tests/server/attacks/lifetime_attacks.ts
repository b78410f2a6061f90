/** Attacks with logins that were good once: run out, revoked, narrowed; and of those who never log in. */
import assert from "node:assert/strict";
import type { BrokerClient, Transport } from "../../broker/broker_client.ts";
import { RawClient } from "../../helpers/raw_client.ts";
import {
  type Attack,
  type AttackScene,
  authenticate,
  bearer,
  knock,
  knockText,
  LISTED,
  offered,
  outcomeOf,
  TOKENS,
} from "./scene.ts";

/** Of a hub that does not wait long for logins. */
export const SHORT_LOGIN = ["hub.auth_timeout=300ms"];
/** Tokens are taken for so long after their end. */
const TOLERANCE_SECONDS = 5;

/** A token that ends about so many seconds from now. */
function tokenThatEnds(scene: AttackScene, inSeconds: number): string {
  return scene.token({ exp: Math.floor(Date.now() / 1000) - TOLERANCE_SECONDS + inSeconds });
}

async function codeOfEnd(client: BrokerClient): Promise<string> {
  return String((await client.closed()).code);
}

/** Of those who never log in; on a hub that waits {@link SHORT_LOGIN}. */
export const LATE_ATTACKS: readonly Attack[] = [
  ...(["websocket", "text"] as const).map((transport): Attack => ({
    name: `never log in (${transport})`,
    expected: "4401",
    act: async (scene) => {
      await using client = await scene.connect(transport);
      return await codeOfEnd(client);
    },
  })),
  {
    name: "keep alive by signs of life and bad tokens",
    expected: "4401",
    act: async (scene) => {
      await using client = await scene.connect("text");
      let isOver = false;
      const over = client.closed().finally(() => isOver = true);
      while (!isOver) {
        client.send("request:system.heartbeat:1.0.0", "{}");
        client.send("request:system.authenticate:1.0.0", JSON.stringify({ token: "guess-again" }));
        await new Promise<void>((resolve) => setTimeout(resolve, 5));
      }
      return String((await over).code);
    },
  },
  {
    name: "never log in (JSON line)",
    expected: "invalid_token",
    act: async (scene) => {
      await using client = await scene.greet();
      return String((await client.rest()).at(-1)?.["code"]);
    },
  },
  {
    name: "open a WebSocket and never speak",
    expected: "101 4401",
    act: (scene) => knock(scene, [], "/"),
  },
];

async function stayBeyondTheEnd(scene: AttackScene, transport: Transport): Promise<string> {
  await using client = await scene.connect(transport);
  assert.equal(await authenticate(client, { token: tokenThatEnds(scene, 2) }), "success");
  assert.match((await client.next()).header, /^publish:system\.auth\.expiring:1\.0\.0:/);
  return await codeOfEnd(client);
}

/** Of those whose login runs out. */
export const EXPIRY_ATTACKS: readonly Attack[] = [
  {
    name: "stay after the login ran out: WebSocket, TCP, a room of the relay",
    expected: "4401, 4401, 101 4401",
    // All at once, as each takes a second or two.
    act: async (scene) => {
      const stays = [stayBeyondTheEnd(scene, "websocket"), stayBeyondTheEnd(scene, "text")];
      const room = knock(scene, [bearer(tokenThatEnds(scene, 2))]);
      return (await Promise.all([...stays, room])).join(", ");
    },
  },
  {
    name: "come in by a token that ended while the tolerance lasted",
    expected: "401",
    act: (scene) => knock(scene, [bearer(tokenThatEnds(scene, 0))]),
  },
];

/** Changes the rules while somebody is in; the scene's own come back afterwards. */
function underRules(
  name: string,
  { set, act, expected }: {
    set: (scene: AttackScene) => readonly string[];
    /** Before the change, and what to do after it. */
    act: (scene: AttackScene) => Promise<() => Promise<string>>;
    expected: string;
  },
): Attack {
  return {
    name,
    expected,
    act: async (scene) => {
      const after = await act(scene);
      await scene.changeRules(set(scene));
      try {
        return await after();
      } finally {
        await scene.changeRules([]);
      }
    },
  };
}

const withoutReader = JSON.stringify(LISTED.filter(({ token }) => token !== TOKENS.reader));
const narrowed = JSON.stringify({ user: { publish: [], subscribe: ["news.today"], request: [] } });
const ADMIN_CLAIMS = { roles: ["chief"] };
const chief = (admin: boolean) =>
  JSON.stringify({ user: {}, chief: { admin, subscribe: ["system.message"] } });

function ended(transport: Transport, tokenOf: (scene: AttackScene) => string) {
  return async (scene: AttackScene) => {
    const client = await scene.connect(transport, { token: tokenOf(scene) });
    return async () => {
      await using _client = client;
      return await codeOfEnd(client);
    };
  };
}

function revocations(transport: Transport): readonly Attack[] {
  const jwt = (scene: AttackScene) => scene.token();
  return [
    underRules(`stay with a token that was removed (${transport})`, {
      set: () => [`auth.tokens=${withoutReader}`],
      act: ended(transport, () => TOKENS.reader),
      expected: "4401",
    }),
    underRules(`stay with an id that was revoked (${transport})`, {
      set: () => ["auth.revoked.jti=[other, first]"],
      act: ended(transport, jwt),
      expected: "4401",
    }),
    underRules(`stay as a subject that was revoked (${transport})`, {
      set: () => ["auth.revoked.subjects=[user]"],
      act: ended(transport, jwt),
      expected: "4401",
    }),
    underRules(`publish with a role that was narrowed (${transport})`, {
      set: () => [`auth.permissions=${narrowed}`],
      act: async (scene) => {
        const client = await scene.connect(transport, { token: scene.token() });
        await client.subscribe("a.b", { action: "publish" });
        assert.equal((await client.publish("a.b")).status, "success");
        await client.next();
        return async () => {
          await using _client = client;
          assert.match((await client.next()).header, /^publish:system\.topic\.revoked:1\.0\.0:/);
          return outcomeOf(await client.publish("a.b"));
        };
      },
      expected: "FORBIDDEN",
    }),
  ];
}

async function refused(scene: AttackScene, token: string): Promise<string> {
  const first = await knock(scene, [bearer(token)]);
  const browser = await knock(scene, [["Origin", "http://127.0.0.1"], offered(token)], "/");
  return `${first}, ${browser}`;
}

/** Of those whose login was taken back. */
export const REVOCATION_ATTACKS: readonly Attack[] = [
  ...revocations("websocket"),
  ...revocations("text"),
  underRules("come back with a token that was removed", {
    set: () => [`auth.tokens=${withoutReader}`],
    act: (scene) => Promise.resolve(() => refused(scene, TOKENS.reader)),
    expected: "401, 101 4401",
  }),
  underRules("come back with an id that was revoked", {
    set: () => ["auth.revoked.jti=[first]"],
    act: (scene) => Promise.resolve(() => refused(scene, scene.token())),
    expected: "401, 101 4401",
  }),
  underRules("renew by a token whose id was revoked", {
    set: () => ["auth.revoked.jti=[second]"],
    act: async (scene) => {
      const client = await scene.connect("text", { token: scene.token() });
      return async () => {
        await using _client = client;
        return await authenticate(client, { token: scene.token({ jti: "second" }) });
      };
    },
    expected: "UNAUTHORIZED",
  }),
  underRules("tap on as who is no administrator any more", {
    set: () => [`auth.permissions=${chief(false)}`],
    act: async (scene) => {
      await scene.changeRules([`auth.permissions=${chief(true)}`]);
      const client = await scene.connect("text", { token: scene.token(ADMIN_CLAIMS) });
      await client.subscribe("system.message", { action: "publish" });
      return async () => {
        await using _client = client;
        assert.match((await client.next()).header, /^publish:system\.topic\.revoked:1\.0\.0:/);
        await using other = await scene.connect("text", { token: TOKENS.redAdmin });
        await other.publish("red.secret");
        const heard = await client.settle();
        return heard.length === 0 ? "nothing" : heard.map(({ payload }) => payload).join();
      };
    },
    expected: "nothing",
  }),
  underRules("stay in a room of the relay with an id that was revoked", {
    set: () => ["auth.revoked.jti=[first]"],
    act: async (scene) => {
      const client = await RawClient.connect(scene.hub.port);
      await client.write(knockText([bearer(scene.token())]));
      assert.match(await client.readHead(), /^HTTP\/1\.1 101 /);
      return async () => {
        using _client = client;
        return String(await client.readCloseCode());
      };
    },
    expected: "4401",
  }),
];
