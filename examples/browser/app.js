/**
 * The page: subscribes and publishes as its forms say and shows what comes. What others published is shown as
 * text, never as HTML.
 */
import { Trunkline } from "./trunkline.js";

const MAX_SHOWN = 200;
const MAX_CHARACTERS = 500;
const element = (id) => document.getElementById(id);
// Another hub: open the page with ?hub=wss://hub.example:8443/
const scheme = location.protocol === "https:" ? "wss" : "ws";
const url = new URLSearchParams(location.search).get("hub") ?? `${scheme}://${location.hostname}:8443/`;
// A login: behind the hash, as #token=..., which browsers send to nobody.
const token = new URLSearchParams(location.hash.slice(1)).get("token");

const hub = new Trunkline(url, {
  token,
  onState: ({ text }) => show("status", `${text} (${url})`),
  onMessage: ({ topic, payload }) => addMessage(topic, readable(payload)),
  onGap: ({ topic, dropped }) => addMessage(topic, `${dropped} messages were lost: this page was too slow`),
  onError: tellError,
});
element("subscribe").addEventListener("submit", (event) => {
  event.preventDefault();
  subscribe(element("pattern").value.trim());
});
element("publish").addEventListener("submit", (event) => {
  event.preventDefault();
  publish(element("topic").value.trim(), element("payload").value);
});

async function subscribe(pattern) {
  try {
    await hub.subscribe(pattern);
    show("outcome", `Subscribed to ${pattern}`);
    showSubscription(pattern);
  } catch (error) {
    tellError(error);
  }
}

async function publish(topic, payload) {
  try {
    await hub.publish(topic, payload);
    show("outcome", `Delivered: ${topic}`);
  } catch (error) {
    tellError(error);
  }
}

/** A subscription with a button that ends it. The hub tells patterns apart whatever their case. */
function showSubscription(pattern) {
  const isSame = ({ dataset }) => dataset.pattern === pattern.toLowerCase();
  if ([...element("subscriptions").children].some(isSame)) return;
  const end = document.createElement("button");
  end.textContent = "Unsubscribe";
  end.addEventListener("click", () => {
    item.remove();
    hub.unsubscribe(pattern).catch(tellError);
  });
  const item = listItem(pattern, end);
  item.dataset.pattern = pattern.toLowerCase();
  element("subscriptions").append(item);
}

function addMessage(topic, text) {
  element("messages").prepend(listItem(topic, text));
  while (element("messages").childElementCount > MAX_SHOWN) element("messages").lastElementChild.remove();
}

/** `append` takes texts as texts, whatever they hold. */
function listItem(name, content) {
  const bold = document.createElement("b");
  bold.append(name);
  const item = document.createElement("li");
  item.append(bold, " ", content);
  return item;
}

function readable(payload) {
  if (typeof payload !== "string") return `${payload.length} bytes that are no text`;
  return payload.length > MAX_CHARACTERS ? `${payload.slice(0, MAX_CHARACTERS)}…` : payload;
}

function tellError({ code, message }) {
  show("outcome", `${code}: ${message}`);
}

function show(id, text) {
  element(id).textContent = text;
}
