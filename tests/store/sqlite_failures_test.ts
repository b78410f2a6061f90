import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { TrunklineError } from "../../src/core/errors.ts";
import type { KeepResult, MessageStore } from "../../src/store/message_store.ts";
import { SqliteStore, type SqliteStoreOptions } from "../../src/store/sqlite_store.ts";
import { KEEP_ALL, replay, WIDE } from "../contract/message_store_contract.ts";
import { idOf, message, NOW, numbers } from "../contract/message_store_parts.ts";
import { runDeno } from "../helpers/process.ts";
import { TempFolder } from "./temp_folder.ts";

const inHistory = { retain: false, history: KEEP_ALL };
const LARGE = "x".repeat(4_000);

async function withStore(
  options: Partial<SqliteStoreOptions> & { readonly path: string },
  run: (store: SqliteStore) => void | Promise<void>,
): Promise<void> {
  const store = new SqliteStore({ limits: WIDE, retryMs: 1, now: () => NOW, ...options });
  await store.open();
  try {
    await run(store);
  } finally {
    await store.close();
  }
}

function safe(store: MessageStore): Promise<string | null> {
  return new Promise((resolve) => store.whenSafe(resolve));
}

async function refusal(path: string): Promise<TrunklineError> {
  const store = new SqliteStore({ path, limits: WIDE });
  const error = await store.open().then(() => assert.fail("it opened"), (error) => error);
  assert.ok(error instanceof TrunklineError, String(error));
  return error;
}

Deno.test("SqliteStore: a full disk is told, and what waits is written once there is room", async () => {
  using folder = new TempFolder();
  const { path } = folder;
  const told: (string | null)[] = [];
  const onFailure = (failure: string | null) => void told.push(failure);
  await withStore({ path, maxFileBytes: 200_000, onFailure }, async (store) => {
    const tenant = store.tenant("t");
    let number = 0;
    let failure: string | null = null;
    while (failure === null) {
      tenant.keep(message(++number, { payload: LARGE }), inHistory);
      failure = await safe(store);
    }
    assert.match(failure, new RegExp(`^Cannot write to ${path}: .*full`));
    assert.ok(store.figures.failures > 0 && store.figures.unsafe > 0);
    // Fewer are kept from now on: the others make room.
    tenant.keep(message(++number), { retain: false, history: { size: 3, ttlMs: 1_000_000 } });
    while (await safe(store) !== null);
    assert.deepEqual(told, [failure, null], "once each");
    assert.equal(store.figures.unsafe, 0);
    assert.deepEqual(numbers(tenant.history("a.b", NOW)), [number - 2, number - 1, number]);
  });
  await withStore({ path }, (store) => {
    const history = store.tenant("t").history("a.b", NOW);
    assert.equal(history.length, 3);
    assert.deepEqual(history[2]?.payload, message(1).payload);
  });
});

Deno.test("SqliteStore: whoever asks while others are told, or right behind them, is told too", async () => {
  using folder = new TempFolder();
  await withStore({ path: folder.path }, async (store) => {
    store.tenant("t").keep(message(1), inHistory);
    const order: number[] = [];
    const inside = Promise.withResolvers<void>();
    store.whenSafe(() => {
      order.push(1);
      store.whenSafe(() => {
        order.push(3);
        inside.resolve();
      });
    });
    store.whenSafe(() => order.push(2));
    await inside.promise;
    assert.deepEqual(order, [1, 2, 3]);
    assert.equal(await safe(store), null);
    assert.equal(await safe(store), null);
  });
});

Deno.test("SqliteStore: nothing more waits for a full disk than may, and whoever comes later is told at once", async () => {
  using folder = new TempFolder();
  const options = { path: folder.path, maxFileBytes: 100_000, maxUnsafeBytes: 20_000, retryMs: 1_000_000 };
  await withStore(options, async (store) => {
    const tenant = store.tenant("t");
    let number = 0;
    const keep = () => tenant.keep(message(++number, { payload: LARGE }), inHistory);
    do keep(); while (await safe(store) === null);
    while (store.figures.failures < 2) keep();
    let told: string | null = null;
    store.whenSafe((failure) => told = failure);
    assert.match(told ?? "", /^Cannot write .*full/);
    assert.ok(store.figures.unsafe < 7);
  });
});

Deno.test("SqliteStore: what there is no room for to wait is refused, and missing after a restart", async () => {
  using folder = new TempFolder();
  const { path } = folder;
  let number = 0;
  await withStore({ path, maxUnsafeBytes: 20_000 }, async (store) => {
    const tenant = store.tenant("t");
    const told: (string | null)[] = [];
    let result: KeepResult = "kept";
    while (store.figures.failures === 0) {
      assert.equal(result, "kept");
      result = tenant.keep(message(++number, { payload: LARGE }), { retain: true, history: KEEP_ALL });
      store.whenSafe((failure) => told.push(failure));
    }
    assert.equal(result, "lost");
    assert.equal(await safe(store), null);
    const lost = told.pop();
    assert.equal(lost, `Cannot write to ${path}: too much waits to be written already`);
    assert.deepEqual(told, Array(number - 1).fill(null));
    tenant.keep(message(++number), inHistory);
    assert.equal(await safe(store), null);
    assert.equal(tenant.history("a.b", NOW).length, number);
  });
  await withStore({ path }, (store) => {
    const tenant = store.tenant("t");
    const kept = Array.from({ length: number }, (_, at) => at + 1).filter((one) => one !== number - 1);
    assert.deepEqual(numbers(tenant.history("a.b", NOW)), kept);
    const from = { kind: "after", id: idOf(number - 2) } as const;
    assert.deepEqual(replay(tenant, "#", { from }), { numbers: [number], isComplete: false });
    // The value before would pass for the last one.
    assert.deepEqual(tenant.retained("#"), []);
  });
});

Deno.test("SqliteStore: a damaged file is refused by name, and stays as it is", async () => {
  using folder = new TempFolder();
  const file = join(folder.path, "trunkline.db");
  await withStore({ path: folder.path }, async (store) => {
    for (let number = 1; number <= 50; number++) {
      store.tenant("t").keep(message(number, { payload: LARGE }), inHistory);
    }
    assert.equal(await safe(store), null);
  });
  const good = await Deno.readFile(file);
  const beginning = good.slice().fill(0x78, 0, 4096);
  const middle = good.slice().fill(0x78, 4096 * 6);
  for (const bad of [beginning, middle, good.slice(0, 4096 * 9)]) {
    await Deno.writeFile(file, bad);
    const error = await refusal(folder.path);
    assert.equal(error.code, "start_failed");
    assert.match(error.message, /^Cannot use the store .*trunkline\.db: .+; it was left as it is; /);
    assert.deepEqual(await Deno.readFile(file), bad);
  }
});

Deno.test("SqliteStore: a file of a newer version, or of another program, is refused and stays as it is", async () => {
  using folder = new TempFolder();
  const file = join(folder.path, "trunkline.db");
  await withStore({ path: folder.path }, () => {});
  for (
    const [change, reason] of [
      [
        "PRAGMA user_version = 99",
        /newer version of Trunkline \(format 99, this one knows 1\); run that version/,
      ],
      ["PRAGMA application_id = 7", /another program; set storage\.path to another folder/],
    ] as const
  ) {
    const db = new DatabaseSync(file);
    db.exec(change);
    db.close();
    const before = await Deno.readFile(file);
    assert.match((await refusal(folder.path)).message, reason);
    assert.deepEqual(await Deno.readFile(file), before);
  }
});

Deno.test("SqliteStore: a folder is for one hub at a time", async () => {
  using folder = new TempFolder();
  await withStore({ path: folder.path }, async (store) => {
    const error = await refusal(folder.path);
    assert.match(
      error.message,
      /another hub uses it; stop that one, or set storage\.path to another folder$/,
    );
    store.tenant("t").keep(message(1), inHistory);
    assert.equal(await safe(store), null);
  });
  await withStore({ path: folder.path }, (store) => {
    assert.equal(store.tenant("t").lastId, idOf(1));
  });
});

Deno.test("SqliteStore: a missing permission is told with its flag", async () => {
  using folder = new TempFolder();
  const path = join(folder.path, "data");
  for (const permissions of [["--allow-read"], [`--allow-read`, `--allow-write=${folder.path}/other`]]) {
    const args = ["run", "--no-prompt", "--no-check", ...permissions, "tests/store/keeper.ts", path];
    const { stdout, code } = await runDeno(args);
    assert.equal(code, 1);
    assert.equal(
      stdout.trim(),
      `Cannot keep messages in ${path}: the permission is missing; run with --allow-read=${path} ` +
        `--allow-write=${path}, or set storage.path to null`,
    );
  }
});

Deno.test("SqliteStore: a folder that cannot be made is told", async () => {
  using folder = new TempFolder();
  const path = join(folder.path, "file", "data");
  await Deno.writeTextFile(join(folder.path, "file"), "");
  const error = await refusal(path);
  assert.equal(error.code, "start_failed");
  assert.match(
    error.message,
    /^Cannot keep messages in .*; set storage\.path to a folder that can be written$/,
  );
});

Deno.test({
  name: "SqliteStore: nobody else may read what is kept",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    using folder = new TempFolder();
    const path = join(folder.path, "a", "b");
    await withStore({ path }, async (store) => {
      store.tenant("t").keep(message(1), inHistory);
      assert.equal(await safe(store), null);
      assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o700);
      const files = [...Deno.readDirSync(path)].map(({ name }) => name).sort();
      assert.deepEqual(files, ["lock", "trunkline.db", "trunkline.db-shm", "trunkline.db-wal"]);
      for (const name of files) {
        assert.equal((Deno.statSync(join(path, name)).mode ?? 0) & 0o777, 0o600, name);
      }
    });
  },
});

Deno.test("SqliteStore: the file becomes smaller again, and does not grow while as much goes as comes", async () => {
  using folder = new TempFolder();
  const { path } = folder;
  const size = () => Deno.statSync(join(path, "trunkline.db")).size;
  let number = 0;
  const keep = async (store: SqliteStore, count: number, history: { size: number; ttlMs: number }) => {
    for (let at = 0; at < count; at++) {
      store.tenant("t").keep(message(++number, { payload: LARGE }), { retain: false, history });
    }
    assert.equal(await safe(store), null);
  };
  await withStore({ path }, (store) => keep(store, 2000, KEEP_ALL));
  const full = size();
  assert.ok(full > 8_000_000);
  await withStore({ path }, async (store) => {
    for (let wave = 0; wave < 30; wave++) await keep(store, 100, { size: 10, ttlMs: 1_000_000 });
  });
  assert.ok(size() < full / 2, `${size()} of ${full} bytes`);
});
