/** That the examples of documents are really compared: what is not true in one is found. */
import assert from "node:assert/strict";
import { readExchanges, type Wire, WIRES } from "./exchange_block.ts";
import { playExchange } from "./exchange_player.ts";

const SUBSCRIBE = `client> request:system.topic.subscribe:1.0.0:<uuid:a>\\n{"topic":"a"}
client< response:system.topic.subscribe:1.0.0:<uuid:a>\\n{"status":"success"}`;
const HEARTBEAT = `client> request:system.heartbeat:1.0.0:<uuid:a>\\n{}
client< response:system.heartbeat:1.0.0:<uuid:a>\\n{"status":"success"}`;

/** Plays the only block of a text. */
async function play(lines: string, wire: Wire, word = ""): Promise<void> {
  const exchanges = readExchanges(`text\n\n\`\`\`exchange ${word}\n${lines}\n\`\`\`\n`);
  assert.equal(exchanges.length, 1);
  for (const exchange of exchanges) await playExchange(exchange, wire);
}

/** Examples that are wrong in one place, and what is said of each. */
const WRONG: readonly [string, RegExp][] = [
  [HEARTBEAT.replace("success", "succes"), /succes/],
  [HEARTBEAT.replace('1.0.0:<uuid:a>\\n{"', '1.0.0:<uuid:b>:<uuid:a>\\n{"'), /uuid/],
  [`${HEARTBEAT}\nclient> publish:a:1.0.0:<uuid:b>\\n1`, /more came to client/],
  [`${SUBSCRIBE}\nclient> publish:a:1.0.0\\n1\nclient< publish:a:1.0.0:<uuid:a>\\n1`, /publish:a:1\.0\.0/],
  [`${SUBSCRIBE}\nclient> publish:a:1.0.0\\n\\xff\nclient< publish:a:1.0.0:<uuid>\\n\\xfe`, /\\xfe/],
  ["client> request:a:1.0.0:<uuid:a>\\n\nclient< end", /a message came/],
  ["client> request:a:1.0.0:<uuid:a>\\n\nclient< <anything>", /placeholder <anything>/],
  ["client> hello <time>\\n", /nothing to send for <time>/],
];

for (const wire of WIRES) {
  Deno.test(`Exchange player: plays what is true (${wire})`, async () => {
    await play(HEARTBEAT, wire);
    await play(
      `${SUBSCRIBE}\nclient> publish:a:1.0.0\\n\\xff\\\\\nclient< publish:a:1.0.0:<uuid>\\n\\xff\\\\`,
      wire,
    );
  });

  for (const [lines, message] of WRONG) {
    Deno.test(`Exchange player: finds what is wrong in ${JSON.stringify(lines.slice(-60))} (${wire})`, async () => {
      await assert.rejects(play(lines, wire), message);
    });
  }

  Deno.test(`Exchange player: an end has to have its code and reason (${wire})`, async () => {
    const twice = Array.from(
      { length: 2 },
      () =>
        'client> x\\n\nclient< response:system.error:1.0.0\\n{"error":{"code":"MALFORMED_MESSAGE",' +
        '"message":"<text>","timestamp":"<time>","details":{"field":"header"}}}',
    );
    const lines = (end: string) => ["hub: broker.max_malformed=1", ...twice, `client< end ${end}`].join("\n");
    await play(lines("1008 Too many malformed messages"), wire);
    for (const end of ["1009 Too many malformed messages", "1008 Too few malformed messages"]) {
      await assert.rejects(play(lines(end), wire), /1008/);
    }
  });
}

Deno.test("Exchange player: a length that is shown has to be the right one", async () => {
  const lines = (length: string) =>
    `client> 00000046 request:system.heartbeat:1.0.0:<uuid:a>\\n{}
client< <length> publish:system.initialize:1.0.0:<uuid>\\n{"serviceId":"<uuid>","hub":"<uuid>","version":"<text>",` +
    `"limits":{"maxPayloadBytes":<number>,"maxHeaderBytes":<number>,"maxSubscriptions":<number>,` +
    `"maxTimeoutMs":<number>,"heartbeatTimeoutMs":<number>}}
client< ${length} response:system.heartbeat:1.0.0:<uuid:a>\\n{"status":"success"}`;
  await play(lines("00000059"), "tcp", "tcp");
  await assert.rejects(play(lines("00000058"), "tcp", "tcp"), /the length/);
});

Deno.test("Exchange player: lines and words that nobody understands are told with their line", () => {
  const read = (words: string, line: string) => () =>
    readExchanges(`\`\`\`exchange ${words}\n${line}\n\`\`\``);
  assert.throws(read("udp", HEARTBEAT), /line 1: what is "udp"/);
  assert.throws(read("", "client - hello"), /line 2: cannot read "client - hello"/);
  assert.throws(read("", "client>"), /line 2/);
});
