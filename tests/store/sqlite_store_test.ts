import { SqliteStore } from "../../src/store/sqlite_store.ts";
import { messageStoreContract } from "../contract/message_store_contract.ts";

messageStoreContract("SqliteStore", async ({ limits, nowMs }) => {
  const path = await Deno.makeTempDir({ prefix: "trunkline-store-" });
  const create = () => new SqliteStore({ path, limits, now: () => nowMs });
  const opened = {
    store: create(),
    reopen: async () => {
      await opened.store.close();
      opened.store = create();
      await opened.store.open();
    },
    [Symbol.asyncDispose]: async () => {
      await opened.store.close();
      await Deno.remove(path, { recursive: true });
    },
  };
  await opened.store.open();
  return opened;
}, { lives: 10 });
