/**
 * The chat page: one WebSocket to a relay room. Each message is a JSON text of the page's own; the hub passes
 * it on as it is. After a disconnect it comes back with a growing, random delay, or the one that the hub names.
 */
const relayUrl = document.querySelector('meta[name="relay-url"]').content;
const room = new URLSearchParams(location.search).get("room");
const url = room ? `${relayUrl}/${encodeURIComponent(room)}` : relayUrl;
const element = (id) => document.getElementById(id);
const me = crypto.randomUUID();
const MAX_SHOWN = 500;
const MAX_DELAY_MS = 15_000;

let socket;
let attempts = 0;

element("name").value = localStorage.getItem("name") ?? `guest-${me.slice(0, 4)}`;
element("form").addEventListener("submit", send);
connect();

function connect() {
  show("connecting");
  socket = new WebSocket(url);
  socket.onopen = () => {
    attempts = 0;
    show("open", "connected");
  };
  socket.onmessage = ({ data }) => receive(data);
  socket.onclose = ({ reason }) => reconnect(reason);
}

function reconnect(reason) {
  const named = /^retry=(\d+)$/.exec(reason);
  const delay = named ? Number(named[1]) : Math.random() * Math.min(MAX_DELAY_MS, 500 * 2 ** attempts++);
  show("closed", "not connected, trying again");
  setTimeout(connect, delay);
}

function send(event) {
  event.preventDefault();
  if (socket.readyState !== WebSocket.OPEN) return;
  const [name, text] = [element("name").value.trim(), element("text").value];
  localStorage.setItem("name", name);
  socket.send(JSON.stringify({ from: me, name, text }));
  element("text").value = "";
}

function receive(data) {
  const message = parse(data);
  if (message === null) return;
  const name = document.createElement("b");
  name.textContent = message.name;
  const item = document.createElement("li");
  item.className = message.from === me ? "own" : "";
  item.append(name, " ", message.text);
  element("messages").append(item);
  while (element("messages").childElementCount > MAX_SHOWN) element("messages").firstElementChild.remove();
  item.scrollIntoView();
}

/** Others may send anything to the room: only what looks like a chat message is shown. */
function parse(data) {
  try {
    const { from, name, text } = JSON.parse(data);
    return typeof name === "string" && typeof text === "string" ? { from, name, text } : null;
  } catch {
    return null;
  }
}

function show(state, text = state) {
  element("status").dataset.state = state;
  element("status").textContent = text;
}
