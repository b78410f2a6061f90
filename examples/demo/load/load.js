/**
 * The load page: the hub's numbers ten times a second, as its metrics tell them, and three clients of one room
 * in workers: a flooder and a slow tab behind switches, and a reader that shows that others lose nothing.
 */
import { Peer } from "../peer.js";
import { RateMeter } from "./rate_meter.js";
import { Sparkline } from "./sparkline.js";

const POLL_MS = 100;
const RECONNECT_MS = 1000;
/** How long the slow tab reads on to find its close; when there is none, it stops again. */
const GATE_OPEN_MS = 2000;
const GATE = { open: 0, stopped: 1 };

const element = (id) => document.getElementById(id);
const url = `${document.querySelector('meta[name="relay-url"]').content}/load`;
const rates = { in: new RateMeter(), out: new RateMeter(), bytes: new RateMeter() };
const charts = {
  out: new Sparkline(element("messages-out-chart")),
  queue: new Sparkline(element("queue-chart")),
};
let readerRate = new RateMeter();
let mostQueued = 0;
let lastStats = null;
let gate = null;

const reader = new Peer("/load/reader.js", {
  open: () => show("reader-state", "on: reads everything"),
  counted: ({ atMs, messages, missed }) => {
    show("reader-rate", whole(readerRate.add(atMs, messages)));
    show("reader-missed", whole(missed));
  },
  closed: (how) => {
    show("reader-state", `${closedText(how)}; connecting again`);
    setTimeout(startReader, RECONNECT_MS);
  },
});

const flooder = new Peer("/load/flooder.js", {
  open: () => show("flooder-state", "on: sends"),
  closed: (how) => switchedOff("flooder", how),
});

const slowTab = new Peer("/load/slow_tab.js", {
  open: () => show("slow-state", "on: stops reading at its first message"),
  closed: (how) => switchedOff("slow", how),
});

element("flooder").addEventListener("change", ({ target }) => {
  if (target.checked && !floodSettingsAreValid()) target.checked = false;
  show("flooder-state", target.checked ? "connecting" : "off");
  if (target.checked) flooder.start(floodSettings());
  else flooder.stop();
});
element("slow").addEventListener("change", ({ target }) => {
  show("slow-state", target.checked ? "connecting" : "off");
  if (target.checked) startSlowTab();
  else slowTab.stop();
});
for (const id of ["flood-rate", "flood-bytes"]) {
  element(id).addEventListener("input", () => {
    if (floodSettingsAreValid()) flooder.tell(floodSettings());
  });
}
if (!globalThis.crossOriginIsolated) {
  element("slow").disabled = true;
  show("slow-state", "off: this browser gives the page no shared memory to sleep on; open it on 127.0.0.1");
}
startReader();
poll();

function startReader() {
  readerRate = new RateMeter();
  reader.start({ url });
}

function startSlowTab() {
  gate = new Int32Array(new SharedArrayBuffer(4));
  gate[0] = GATE.stopped;
  slowTab.start({ url, gate });
}

/** A sleeping worker does not see its connection end: it reads on when the numbers say that some connection did. */
function wakeSlowTab() {
  if (gate === null) return;
  const opened = gate;
  Atomics.store(opened, 0, GATE.open);
  Atomics.notify(opened, 0);
  setTimeout(() => Atomics.store(opened, 0, GATE.stopped), GATE_OPEN_MS);
}

function floodSettingsAreValid() {
  return element("flood-rate").reportValidity() && element("flood-bytes").reportValidity();
}

function floodSettings() {
  return { url, rate: element("flood-rate").valueAsNumber, bytes: element("flood-bytes").valueAsNumber };
}

function switchedOff(id, how) {
  element(id).checked = false;
  show(`${id}-state`, `${closedText(how)}; switch it on again to try once more`);
}

function closedText({ code, reason }) {
  return `closed with ${code}${reason === "" ? "" : `: ${reason}`}`;
}

async function poll() {
  try {
    const response = await fetch("/stats");
    if (response.ok) showStats(await response.json());
    else showStatus("closed", await response.text());
  } catch {
    showStatus("closed", "the demo does not answer, trying again");
  }
  setTimeout(poll, POLL_MS);
}

function showStats(stats) {
  showStatus("open", "live");
  const outRate = rates.out.add(stats.atMs, stats.messagesSent);
  mostQueued = Math.max(mostQueued, stats.outboxBytes);
  show("messages-in", whole(rates.in.add(stats.atMs, stats.messagesReceived)));
  show("messages-out", whole(outRate));
  show("megabytes-out", (rates.bytes.add(stats.atMs, stats.bytesSent) / 1e6).toFixed(1));
  show("queue", size(stats.outboxBytes));
  show("queue-most", size(mostQueued));
  show("connections", whole(stats.connections));
  show("closed-as-slow", whole(stats.closedAsSlow));
  show("loop-lag", `${(stats.loopLagMaxSeconds * 1000).toFixed(1)} ms`);
  showDrops(stats.dropped);
  charts.out.add(outRate);
  charts.queue.add(stats.outboxBytes);
  if (lastStats !== null && someConnectionEnded(lastStats, stats)) wakeSlowTab();
  lastStats = stats;
}

/** Whether the hub gave somebody up: with what it drops then it says so before the connection is gone. */
function someConnectionEnded(before, now) {
  return now.connections < before.connections || droppedAtEnd(now) > droppedAtEnd(before);
}

function droppedAtEnd({ dropped }) {
  return dropped.slow_consumer + dropped.closed;
}

function showDrops(dropped) {
  for (const [reason, count] of Object.entries(dropped)) {
    const id = `dropped-${reason}`;
    if (element(id) === null) {
      const [term, value] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = reason;
      value.id = id;
      element("drops").append(term, value);
    }
    show(id, whole(count));
  }
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
  return Math.round(number).toLocaleString("en");
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 ** 2).toFixed(2)} MiB`;
}
