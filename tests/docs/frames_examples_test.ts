/** Plays the examples of docs/protocol-frames.md against a hub, frame by frame. */
import assert from "node:assert/strict";
import { connectLink, LinkClient, type LinkClientOptions } from "../helpers/link_client.ts";
import { concat } from "../helpers/prefixed.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { ExchangeText } from "./exchange_text.ts";

const HEADER_BYTES = 12;
const document = Deno.readTextFileSync(new URL("../../docs/protocol-frames.md", import.meta.url));
const examples = [...document.matchAll(/^```frames\n(.*?)^```$/gms)].map(([, lines = ""]) => lines);

/** One frame as an example writes it. */
interface Line {
  readonly isSent: boolean;
  /** Version, type, flags, reserved byte and stream id. */
  readonly head: Uint8Array;
  /** `null`: whatever it is. */
  readonly length: number | null;
  readonly payload: string;
}

function readLine(text: string): Line {
  const found = /^agent([<>]) ([0-9a-f]{16}) ([0-9a-f]{8}|<length>)(?: (.*))?$/.exec(text);
  assert.ok(found !== null, `cannot read "${text}"`);
  const [, direction, head = "", length = "", payload = ""] = found;
  return {
    isSent: direction === ">",
    head: Uint8Array.fromHex(head),
    length: length === "<length>" ? null : Number.parseInt(length, 16),
    payload,
  };
}

class Client extends LinkClient {
  static async connect(options: LinkClientOptions): Promise<Client> {
    return new Client(await connectLink(options));
  }

  /** The next frame; `null` when the hub is done. */
  async next(): Promise<Uint8Array | null> {
    if (!await this.until(({ length }) => length >= HEADER_BYTES)) return null;
    const { buffer, byteOffset } = this.received;
    const whole = HEADER_BYTES + new DataView(buffer, byteOffset).getUint32(8);
    return await this.until(({ length }) => length >= whole) ? this.take(whole) : null;
  }
}

async function play(lines: readonly string[]): Promise<void> {
  await using hub = await TestHub.start();
  await using client = await Client.connect({ port: hub.port });
  const text = new ExchangeText();
  for (const line of lines) {
    if (line === "agent< end") {
      assert.equal(await client.next(), null);
      client.finish();
      continue;
    }
    const { isSent, head, length, payload } = readLine(line);
    if (isSent) {
      const bytes = text.bytesOf(payload);
      assert.equal(bytes.length, length, `the length of ${line}`);
      const size = new Uint8Array(4);
      new DataView(size.buffer).setUint32(0, bytes.length);
      await client.write(concat([head, size, bytes]));
      continue;
    }
    const frame = await client.next();
    assert.ok(frame !== null, `the hub ended instead of ${line}`);
    assert.deepEqual(frame.subarray(0, 8), head, line);
    if (length !== null) assert.equal(frame.length - HEADER_BYTES, length, line);
    text.assertMatches(payload, frame.subarray(HEADER_BYTES));
  }
}

Deno.test("Docs: the examples of frames are what a hub says", async () => {
  assert.ok(examples.length > 0);
  for (const lines of examples) {
    await play(lines.split("\n").filter((line) => line !== "" && !line.startsWith("#")));
  }
});
