/**
 * The latest messages and how many came by topic. Messages may come faster than a page can be drawn, and anybody
 * may publish anything: it draws a few times a second, keeps a bounded number of rows, and shows all as text.
 */

const MAX_ROWS = 200;
const MAX_TOPICS = 100;
const MAX_CHARACTERS = 500;
const DRAW_MS = 50;
const OTHERS = "other topics";

/** The log of one page. */
export class MessageLog {
  #list;
  #counts;
  /** Rows that are not drawn yet, the newest last. */
  #waiting = [];
  #countOf = new Map();
  /** The element of each count. */
  #values = new Map();
  #isDue = false;

  /** Shows messages in a list, counts in a `dl`. */
  constructor(list, counts) {
    this.#list = list;
    this.#counts = counts;
  }

  /** Takes a message; its payload is a text or bytes. Topics are one whatever their case. */
  add(topic, payload) {
    const key = topic.toLowerCase();
    const counted = this.#countOf.has(key) || this.#countOf.size < MAX_TOPICS ? key : OTHERS;
    this.#countOf.set(counted, (this.#countOf.get(counted) ?? 0) + 1);
    this.addNotice(topic, typeof payload === "string" ? payload : `${payload.length} bytes that are no text`);
  }

  /** Takes a row that is no message. */
  addNotice(topic, text) {
    this.#waiting.push({ at: new Date(), topic, text });
    if (this.#waiting.length > MAX_ROWS) this.#waiting.shift();
    if (this.#isDue) return;
    this.#isDue = true;
    setTimeout(() => this.#draw(), DRAW_MS);
  }

  #draw() {
    this.#isDue = false;
    this.#list.prepend(...this.#waiting.map(rowOf).reverse());
    this.#waiting = [];
    while (this.#list.childElementCount > MAX_ROWS) this.#list.lastElementChild.remove();
    for (const [topic, count] of this.#countOf) this.#drawCount(topic, count.toLocaleString("en"));
  }

  #drawCount(topic, count) {
    let value = this.#values.get(topic);
    if (value === undefined) {
      value = document.createElement("dd");
      this.#values.set(topic, value);
      this.#counts.append(textElement("dt", topic), value);
    }
    value.textContent = count;
  }
}

function rowOf({ at, topic, text }) {
  const cut = text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
  const row = document.createElement("li");
  row.append(textElement("time", at.toLocaleTimeString("en-GB")), textElement("b", topic), cut);
  return row;
}

function textElement(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}
