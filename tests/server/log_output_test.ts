/** Checks that lines stay whole when the thing beneath takes only a part of them, or nothing. */

import assert from "node:assert/strict";
import { createLogOutput } from "../../src/server/log_output.ts";

/** A writer that takes at most so many bytes a call, and throws when it has taken all that it may. */
function createWriter(options: { perCall: number; capacity: number }) {
  let text = "";
  return {
    text: () => text,
    grow(bytes: number) {
      options.capacity += bytes;
    },
    writeSync(bytes: Uint8Array): number {
      const count = Math.min(bytes.length, options.perCall, options.capacity - text.length);
      if (count === 0) throw new Deno.errors.WouldBlock("full");
      text += new TextDecoder().decode(bytes.subarray(0, count));
      return count;
    },
  };
}

Deno.test("createLogOutput: writes a line in as many pieces as it takes", () => {
  const writer = createWriter({ perCall: 3, capacity: 1000 });
  const output = createLogOutput(writer, () => {});
  assert.equal(output.write("a longer line\n"), true);
  assert.equal(writer.text(), "a longer line\n");
});

Deno.test("createLogOutput: a line that was cut off does not swallow the next", () => {
  const writer = createWriter({ perCall: 100, capacity: 4 });
  const output = createLogOutput(writer, () => {});
  assert.equal(output.write("first line\n"), false);
  assert.equal(output.write("second line\n"), false);
  writer.grow(100);
  assert.equal(output.write("third line\n"), true);
  assert.equal(writer.text(), "firs\nthird line\n");
});

Deno.test("createLogOutput: writes nothing after close and closes once", () => {
  const writer = createWriter({ perCall: 100, capacity: 100 });
  let closed = 0;
  const output = createLogOutput(writer, () => closed++);
  output.close();
  output.close();
  assert.equal(output.write("late\n"), false);
  assert.equal(closed, 1);
  assert.equal(writer.text(), "");
});
