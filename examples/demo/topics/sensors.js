/** The sensors: one client that publishes the temperature of some rooms, each a slow random walk. */
import { Trunkline } from "../../browser/trunkline.js";

const ROOMS = ["kitchen", "hall", "cellar", "attic"];
const PERIOD_MS = 500;
const temperatures = new Map(ROOMS.map((room, index) => [room, 18 + index]));
let published = 0;
let unmatched = 0;
let isOpen = false;

globalThis.onmessage = ({ data: { url } }) => {
  const hub = new Trunkline(url, {
    onState: ({ state, text }) => {
      isOpen = state === "open";
      postMessage({ type: "state", text: isOpen ? `on: sensors.<room>.temp of ${ROOMS.join(", ")}` : text });
    },
  });
  setInterval(() => measure(hub), PERIOD_MS);
};

async function measure(hub) {
  if (isOpen) await Promise.all(ROOMS.map((room) => publish(hub, room)));
  postMessage({ type: "counted", published, unmatched });
}

/** Sensors do not mind whether somebody listens, but tell. */
async function publish(hub, room) {
  const temperature = temperatures.get(room) + Math.random() - 0.5;
  temperatures.set(room, Math.min(30, Math.max(10, temperature)));
  try {
    await hub.publish(`sensors.${room}.temp`, temperature.toFixed(1));
    published++;
  } catch (error) {
    if (error.code !== "NO_ROUTE_FOUND") return;
    published++;
    unmatched++;
  }
}
