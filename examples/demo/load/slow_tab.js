/**
 * The slow tab: joins the room and stops reading. A page that only ignores its messages is not slow, the
 * browser takes them for it; so the thread of this worker sleeps on its first message, until the page opens
 * the gate. Then it reads what is left, and with that the reason for which the hub closed it.
 */
const STOPPED = 1;

globalThis.onmessage = ({ data: { url, gate } }) => {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => postMessage({ type: "open" });
  socket.onmessage = () => Atomics.wait(gate, 0, STOPPED);
  socket.onclose = ({ code, reason }) => postMessage({ type: "closed", code, reason });
};
