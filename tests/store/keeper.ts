/**
 * Keeps numbered messages in the folder that it is given, synced as often as it is told, and prints the number of each that it was told is safe, until
 * it is killed; or prints why it cannot.
 */
import { messageOf } from "../../src/core/errors.ts";
import { SqliteStore } from "../../src/store/sqlite_store.ts";
import { KEEP_ALL, WIDE } from "../contract/message_store_contract.ts";
import { message, numbers } from "../contract/message_store_parts.ts";

const BURST = 7;
const encoder = new TextEncoder();

function print(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

async function main(path: string, syncMs: number): Promise<void> {
  const store = new SqliteStore({ path, limits: WIDE, syncMs });
  try {
    await store.open();
  } catch (error) {
    print(messageOf(error));
    Deno.exit(1);
  }
  const tenant = store.tenant("t");
  let number = numbers(tenant.retained("a.value"))[0] ?? 0;
  number = Math.max(
    number,
    ...numbers(tenant.page("#", { afterId: null, max: 1_000_000, nowMs: Date.now() })),
  );
  const turn = () => {
    for (let at = 0; at < BURST; at++) {
      const one = message(++number, { topic: `a.t${number % 3}`, atMs: Date.now() });
      tenant.keep(one, { retain: number % 2 === 0, history: KEEP_ALL });
      const kept = number;
      store.whenSafe((failure) => print(failure ?? String(kept)));
    }
    setTimeout(turn, 0);
  };
  turn();
}

await main(Deno.args[0] ?? "", Number(Deno.args[1] ?? 100));
