/**
 * The flooder: sends messages of one size into the room as fast as its socket takes them, at most so many a
 * second. What the room sends back to it is read and forgotten.
 */
import { HEAD_BYTES, writeHead } from "./flood_message.js";

const TICK_MS = 10;
/** More does not wait in the browser: the hub pushes back from there. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** After a pause no more than this much time is made up for. */
const MAX_CATCH_UP_SECONDS = 0.1;
const sender = crypto.getRandomValues(new Uint32Array(1))[0];

let socket;
let rate;
let message;
let sequence = 0;
let due = 0;
let lastMs;

globalThis.onmessage = ({ data }) => {
  rate = data.rate;
  message = new DataView(new ArrayBuffer(Math.max(HEAD_BYTES, data.bytes)));
  if (socket === undefined) connect(data.url);
};

function connect(url) {
  socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    postMessage({ type: "open" });
    lastMs = performance.now();
    tick();
  };
  socket.onclose = ({ code, reason }) => postMessage({ type: "closed", code, reason });
}

function tick() {
  if (socket.readyState !== WebSocket.OPEN) return;
  const nowMs = performance.now();
  due = Math.min(due + rate * (nowMs - lastMs) / 1000, Math.max(1, rate * MAX_CATCH_UP_SECONDS));
  lastMs = nowMs;
  for (; due >= 1 && socket.bufferedAmount < MAX_BUFFERED_BYTES; due--) {
    writeHead(message, { sender, sequence: sequence++ });
    socket.send(message);
  }
  setTimeout(tick, TICK_MS);
}
