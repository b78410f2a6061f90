/** A worker of the queue group: counts its share of what the sensors publish. */
import { Trunkline } from "../../browser/trunkline.js";

const [PATTERN, GROUP] = ["sensors.#", "demo-workers"];
const REPORT_MS = 200;
let messages = 0;

globalThis.onmessage = async ({ data: { url } }) => {
  const hub = new Trunkline(url, {
    onMessage: () => messages++,
    onState: ({ state, text }) => {
      if (state !== "open") postMessage({ type: "state", text });
    },
  });
  setInterval(() => postMessage({ type: "counted", messages }), REPORT_MS);
  try {
    await hub.subscribe(PATTERN, { group: GROUP });
    postMessage({ type: "state", text: `on: each message of ${PATTERN} reaches one of them` });
  } catch ({ message }) {
    postMessage({ type: "state", text: message });
  }
};
