/** A client of bytes that should be frames, for those that are none. */
import { encodeFrame, type Frame, type OtherFrame } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { connectLink, LinkClient, type LinkClientOptions } from "./link_client.ts";
import { concat } from "./prefixed.ts";

const HEADER_BYTES = 12;

/** One connection. */
export class FramesClient extends LinkClient {
  static async connect(options: LinkClientOptions): Promise<FramesClient> {
    return new FramesClient(await connectLink(options));
  }

  /** Sends frames. */
  async send(...frames: Frame[]): Promise<void> {
    await this.write(concat(frames.flatMap((frame) => [...encodeFrame(frame).parts])));
  }

  /** The next frame that is no Data; `null` when the other side is done. */
  async next(): Promise<OtherFrame | null> {
    for (;;) {
      if (!await this.until(({ length }) => length >= HEADER_BYTES)) return null;
      const { buffer, byteOffset } = this.received;
      const whole = HEADER_BYTES + new DataView(buffer, byteOffset).getUint32(8);
      if (!await this.until(({ length }) => length >= whole)) return null;
      const frame = decoded(this.take(whole));
      if (frame !== null) return frame;
    }
  }

  /** The next frame of a kind; what comes before it is passed over. */
  async find<K extends OtherFrame["kind"]>(kind: K): Promise<Extract<OtherFrame, { kind: K }> | null> {
    for (let frame = await this.next(); frame !== null; frame = await this.next()) {
      if (isOf(frame, kind)) return frame;
    }
    return null;
  }
}

function isOf<K extends OtherFrame["kind"]>(
  frame: OtherFrame,
  kind: K,
): frame is Extract<OtherFrame, { kind: K }> {
  return frame.kind === kind;
}

function decoded(bytes: Uint8Array): OtherFrame | null {
  let found: OtherFrame | null = null;
  const decoder = new FrameDecoder(1 << 20, {
    data: () => null,
    frame: (frame) => {
      found = frame;
      return null;
    },
    isSpent: () => false,
  });
  decoder.feed(bytes);
  return found;
}
