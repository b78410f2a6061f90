/**
 * The topics page: a client of the broker whose subscriptions and messages people make by hand, and two kinds of
 * clients in workers behind switches: simulated sensors, and a queue group whose members share the messages.
 */
import { Peer } from "../peer.js";
import { Trunkline } from "../../browser/trunkline.js";
import { MessageLog } from "./message_log.js";

const WORKERS = ["worker-1", "worker-2"];
const element = (id) => document.getElementById(id);
const url = document.querySelector('meta[name="broker-url"]').content;
const log = new MessageLog(element("messages"), element("counts"));

const sensors = new Peer("/topics/sensors.js", {
  state: ({ text }) => show("sensors-state", text),
  counted: ({ published, unmatched }) => {
    show("sensors-published", whole(published));
    show("sensors-unmatched", whole(unmatched));
  },
});
const workers = WORKERS.map((id) =>
  new Peer("/topics/group_member.js", {
    state: ({ text }) => show("workers-state", text),
    counted: ({ messages }) => show(id, whole(messages)),
  })
);

if (url === "") showOff();
else start();

/** Without a broker nothing on this page does anything. */
function showOff() {
  showStatus("closed", "the broker is off: set broker.enabled to true");
  for (const control of document.querySelectorAll("input, button")) control.disabled = true;
}

function start() {
  show("broker-url", url);
  const hub = new Trunkline(url, {
    onState: ({ state, text }) => showStatus(state, text),
    onMessage: ({ topic, payload }) => log.add(topic, payload),
    onGap: ({ topic, dropped }) =>
      log.addNotice(topic, `${whole(dropped)} messages lost: this page was too slow`),
    onError: (error) => showOutcome("subscribe", error),
  });
  onSubmit("subscribe", () => subscribe(hub, element("pattern").value.trim(), element("group").value.trim()));
  onSubmit("publish", () => publish(hub, element("topic").value.trim(), element("payload").value));
  onSwitch("sensors", [sensors]);
  onSwitch("workers", workers);
}

function onSubmit(id, action) {
  element(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      showOutcome(id, null, await action());
    } catch (error) {
      showOutcome(id, error);
    }
  });
}

function onSwitch(id, peers) {
  element(id).addEventListener("change", ({ target }) => {
    show(`${id}-state`, target.checked ? "connecting" : "off");
    for (const peer of peers) {
      if (target.checked) peer.start({ url });
      else peer.stop();
    }
  });
}

async function subscribe(hub, pattern, group) {
  await hub.subscribe(pattern, group === "" ? {} : { group });
  showSubscription(hub, pattern, group);
  return `Subscribed to ${pattern}`;
}

async function publish(hub, topic, payload) {
  await hub.publish(topic, payload);
  return `Delivered to ${topic}`;
}

/** One row a pattern, whatever its case: subscribing again changes the group. */
function showSubscription(hub, pattern, group) {
  const key = pattern.toLowerCase();
  const name = document.createElement("code");
  name.textContent = group === "" ? pattern : `${pattern}, group ${group}`;
  const end = document.createElement("button");
  end.textContent = "Unsubscribe";
  end.setAttribute("aria-label", `Unsubscribe from ${pattern}`);
  const row = document.createElement("li");
  row.dataset.pattern = key;
  row.append(name, end);
  end.addEventListener("click", async () => {
    row.remove();
    try {
      await hub.unsubscribe(pattern);
      showOutcome("subscribe", null, `Unsubscribed from ${pattern}`);
    } catch (error) {
      showOutcome("subscribe", error);
    }
  });
  const shown = [...element("subscriptions").children].find(({ dataset }) => dataset.pattern === key);
  if (shown === undefined) element("subscriptions").append(row);
  else shown.replaceWith(row);
}

function showOutcome(form, error, text = `${error.code}: ${error.message}`) {
  const id = `${form}-outcome`;
  element(id).dataset.outcome = error === null ? "done" : "error";
  show(id, text);
}

function showStatus(state, text) {
  element("status").dataset.state = state;
  show("status", text);
}

/** Only what changed is written: screen readers tell of every write to a status. */
function show(id, text) {
  if (element(id).textContent !== text) element(id).textContent = text;
}

function whole(number) {
  return number.toLocaleString("en");
}
