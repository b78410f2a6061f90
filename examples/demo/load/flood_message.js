/**
 * The head of a flooder's messages: a mark, who sent it, and a number that grows by one, so that a reader sees
 * what it missed. Other clients may send anything to the room: what does not begin with the mark is none of it.
 */

/** The shortest message that has room for the head. */
export const HEAD_BYTES = 12;

const MARK = 0x544c4c44;

/** Writes the head into the first bytes of a message. */
export function writeHead(view, { sender, sequence }) {
  view.setUint32(0, MARK);
  view.setUint32(4, sender);
  view.setUint32(8, sequence);
}

/** The head of a message that came; `null` when it has none. */
export function readHead(data) {
  if (!(data instanceof ArrayBuffer) || data.byteLength < HEAD_BYTES) return null;
  const view = new DataView(data);
  return view.getUint32(0) === MARK ? { sender: view.getUint32(4), sequence: view.getUint32(8) } : null;
}
