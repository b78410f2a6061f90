/** The examples of docs/protocol.md, played against a hub as a client of each kind. */
import assert from "node:assert/strict";
import { BROKER_ERROR_CODES } from "../../src/broker/broker_error.ts";
import { readExchanges, WIRES } from "./exchange_block.ts";
import { playExchange } from "./exchange_player.ts";

/** So many examples there are at least: a document whose blocks are not found any more must not pass. */
const LEAST = 16;

const protocol = Deno.readTextFileSync("docs/protocol.md");
const exchanges = readExchanges(protocol);

Deno.test("Protocol examples: the document has them, for each transport", () => {
  assert.ok(exchanges.length >= LEAST, `${exchanges.length} examples`);
  for (const { steps, line } of exchanges) assert.ok(steps.length >= 2, `line ${line}`);
  for (const wire of WIRES) {
    assert.ok(exchanges.filter(({ wires }) => wires.includes(wire)).length >= LEAST - 3, wire);
  }
  assert.ok(exchanges.some(({ showsLengths }) => showsLengths));
});

for (const exchange of exchanges) {
  for (const wire of exchange.wires) {
    Deno.test(`Protocol examples: line ${exchange.line} of docs/protocol.md (${wire})`, () =>
      playExchange(exchange, wire));
  }
}

Deno.test("Protocol examples: the table of errors has each code once, and no other", () => {
  const section = protocol.slice(
    protocol.indexOf("\n### Errors\n"),
    protocol.indexOf("\n### System topics\n"),
  );
  const codes = [...section.matchAll(/^\| `([A-Z_]+)` /gm)].map(([, code]) => code);
  assert.deepEqual(codes.sort(), [...BROKER_ERROR_CODES].sort());
});
