/**
 * The first byte of a connection tells its transport: one port serves all of them.
 */

/** What a first byte announces. */
export type FirstByteKind = "http" | "text" | "frames" | "json" | "unknown";

/** Tells the transport by its first byte: `A`-`Z` HTTP, 0x00 length prefix, 0x01 frames, `{` JSON lines. */
export function classifyFirstByte(byte: number): FirstByteKind {
  if (byte >= 0x41 && byte <= 0x5a) return "http";
  switch (byte) {
    case 0x00:
      return "text";
    case 0x01:
      return "frames";
    case 0x7b:
      return "json";
    default:
      return "unknown";
  }
}
