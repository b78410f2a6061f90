import { MemoryStore } from "../../src/store/memory_store.ts";
import { messageStoreContract } from "../contract/message_store_contract.ts";

messageStoreContract("MemoryStore", ({ limits, nowMs }) => {
  const store = new MemoryStore({ limits, now: () => nowMs });
  return Promise.resolve({ store, reopen: null, [Symbol.asyncDispose]: () => store.close() });
}, { lives: 100 });
