import assert from "node:assert/strict";
import { SqliteStore } from "../../src/store/sqlite_store.ts";
import { idOf, numbers } from "../contract/message_store_parts.ts";
import { WIDE } from "../contract/message_store_contract.ts";
import { DenoProcess } from "../helpers/process.ts";
import { TempFolder } from "./temp_folder.ts";

const KILLS = 12;

Deno.test("SqliteStore: what was told to be safe outlives a kill at any moment, once and in order", async () => {
  using folder = new TempFolder();
  let safe = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const lines = Math.floor(Math.random() * 400);
    safe = await keepUntilKilled(folder.path, { lines, syncMs: kill % 2 === 0 ? 100 : 0 });
    await using store = await openStore(folder.path);
    const tenant = store.store.tenant("t");
    const kept = numbers(tenant.page("a.#", { afterId: null, max: 1_000_000, nowMs: Date.now() }));
    assert.deepEqual(kept, Array.from(kept, (_, at) => at + 1));
    assert.ok(kept.length >= safe, `${kept.length} of ${safe} are there`);
    assert.equal(tenant.lastId, idOf(kept.length));
    const values = numbers(tenant.retained("#"));
    const newest = kept.length - kept.length % 2;
    assert.deepEqual(values, [newest - 4, newest - 2, newest].filter((number) => number > 0));
  }
  assert.ok(safe > 0);
});

Deno.test("SqliteStore: after a kill it is not known what came behind the last id on disk", async () => {
  using folder = new TempFolder();
  await keepUntilKilled(folder.path, { lines: 20, syncMs: 100 });
  let last = "";
  // The second time, the one before closed well: the gap is remembered.
  for (let time = 0; time < 2; time++) {
    await using store = await openStore(folder.path);
    const tenant = store.store.tenant("t");
    last = tenant.lastId ?? assert.fail();
    const isKnown = (id: string) => tenant.start("#", { kind: "after", id }, Date.now()).isComplete;
    assert.equal(isKnown(last), true);
    assert.equal(isKnown(idOf(Number(last.slice(-12)) + 1)), false);
  }
});

/** Gives the highest number that was told to be safe; the process is killed once so many were. */
async function keepUntilKilled(
  path: string,
  { lines, syncMs }: { readonly lines: number; readonly syncMs: number },
): Promise<number> {
  const args = ["tests/store/keeper.ts", path, String(syncMs)];
  await using keeper = new DenoProcess(["run", "-A", "--no-check", ...args]);
  let safe = Number(await keeper.nextLine());
  for (let line = 0; line < lines; line++) safe = Number(await keeper.nextLine());
  keeper.kill("SIGKILL");
  const { stdout } = await keeper.ended();
  // What it said before it noticed counts too; the last line may be cut.
  const whole = stdout.slice(0, stdout.lastIndexOf("\n") + 1).trim().split("\n").filter((line) =>
    line !== ""
  );
  safe = Number(whole.at(-1) ?? safe);
  assert.ok(Number.isInteger(safe), stdout);
  return safe;
}

async function openStore(path: string): Promise<AsyncDisposable & { readonly store: SqliteStore }> {
  const store = new SqliteStore({ path, limits: WIDE });
  await store.open();
  return { store, [Symbol.asyncDispose]: () => store.close() };
}
