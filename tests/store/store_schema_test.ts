import assert from "node:assert/strict";
import { damaged } from "../../src/store/store_schema.ts";

Deno.test("Store schema: who may not write is told so, and not to move a file that is well", () => {
  const readonly = damaged("/d/trunkline.db", new Error("attempt to write a readonly database"));
  assert.equal(
    readonly.message,
    "Cannot use the store /d/trunkline.db: attempt to write a readonly database; " +
      "let the hub write to its folder and the files in it",
  );
  const malformed = damaged("/d/trunkline.db", new Error("database disk image is malformed"));
  assert.match(malformed.message, /it was left as it is; put a copy of it back/);
});
