/**
 * The reader: takes everything that the room sends, counts it, and counts the gaps in what each flooder
 * numbered.
 */
import { readHead } from "./flood_message.js";

const REPORT_MS = 200;
const nextOf = new Map();
let messages = 0;
let missed = 0;

globalThis.onmessage = ({ data: { url } }) => {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => postMessage({ type: "open" });
  socket.onmessage = (event) => count(event.data);
  socket.onclose = ({ code, reason }) => postMessage({ type: "closed", code, reason });
  setInterval(() => postMessage({ type: "counted", atMs: performance.now(), messages, missed }), REPORT_MS);
};

function count(data) {
  messages++;
  const head = readHead(data);
  if (head === null) return;
  const expected = nextOf.get(head.sender) ?? head.sequence;
  missed += (head.sequence - expected) >>> 0;
  nextOf.set(head.sender, (head.sequence + 1) >>> 0);
}
