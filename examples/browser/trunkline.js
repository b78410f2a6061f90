/**
 * A client of a Trunkline hub for web pages, to be copied: one WebSocket that carries text messages. After a
 * disconnect it comes back by itself and subscribes again; what was published meanwhile is missed.
 *
 * A text message is a line of fields with colons between them, a newline, and the payload:
 * `publish:sensors.a.temp:1.0.0:<id>\n21`.
 */

const PROTOCOL = "trunkline.text.v1";
const VERSION = "1.0.0";
const NEWLINE = 0x0a;
const MAX_DELAY_MS = 15_000;
const ANSWER_TIMEOUT_MS = 10_000;
/** Errors of a connection, not of what was asked for. */
const RETRIED_CODES = ["CONNECTION_LOST", "NO_ANSWER"];
/** Login refused, no right to be here: only a person can change that. */
const FINAL_CODES = [4401, 4403];

/** What went wrong. `code` is the hub's, or NOT_CONNECTED, CONNECTION_LOST, NO_ANSWER or INVALID_TOPIC. */
export class HubError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "HubError";
    this.code = code;
  }
}

/** The subprotocols to offer. A page can set no headers, so its token is one of them, behind `bearer.`. */
function protocols(token) {
  if (token === null) return [PROTOCOL];
  const encoded = btoa(token).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return [PROTOCOL, `bearer.${encoded}`];
}

/** One client. */
export class Trunkline {
  #url;
  #token;
  #handlers;
  #socket = null;
  /** What to subscribe to on each new connection, by pattern in lower case. */
  #subscriptions = new Map();
  /** Who waits for an answer, by the id of the message. */
  #waiting = new Map();
  #attempts = 0;
  #timer;
  #isOver = false;

  /**
   * Connects to a URL such as `ws://127.0.0.1:8443/`. Handlers, each may be left out:
   * - `onMessage({ topic, payload, id })`: something was published; a payload that is no text is a Uint8Array
   * - `onGap({ topic, dropped })`: this page was too slow and lost messages of a topic
   * - `onState({ state, text })`: `connecting`, `open` or `closed`, and a sentence for people
   * - `onError(error)`: a subscription that the hub had taken was refused after a disconnect
   * With a `token` beside the handlers each connection logs in.
   */
  constructor(url, handlers = {}) {
    this.#url = url;
    this.#token = handlers.token ?? null;
    this.#handlers = handlers;
    this.#connect();
  }

  /**
   * Subscribes to a topic, or to a pattern: `+` is any one level, `#` at the end any number of them. Of those who
   * name the same group each message reaches one. Resolves when the hub has taken it, which without a connection
   * is later, or when it was ended; rejects with a HubError when the hub refuses.
   */
  subscribe(pattern, { group } = {}) {
    const key = pattern.toLowerCase();
    const { promise, resolve, reject } = Promise.withResolvers();
    // A group of `undefined` does not get into the JSON.
    const payload = { action: "publish", topic: pattern, group };
    const subscription = { key, payload, resolve, reject, wasTaken: false };
    // Who still waits for an earlier one to the same pattern waits for this one.
    this.#subscriptions.get(key)?.resolve(promise);
    this.#subscriptions.set(key, subscription);
    if (this.#isOpen) this.#ask(subscription);
    return promise;
  }

  /** Ends a subscription. */
  async unsubscribe(pattern) {
    const key = pattern.toLowerCase();
    this.#subscriptions.get(key)?.resolve();
    this.#subscriptions.delete(key);
    // Without a connection there is nothing to end.
    if (!this.#isOpen) return;
    try {
      await this.#request("system.topic.unsubscribe", { action: "publish", topic: pattern });
    } catch (error) {
      if (error.code !== "CONNECTION_LOST") throw error;
    }
  }

  /**
   * Publishes a text or the bytes of a Uint8Array. Resolves when it is on its way to at least one subscriber;
   * rejects with a HubError otherwise, with the code NO_ROUTE_FOUND when nobody is subscribed.
   */
  publish(topic, payload) {
    return this.#call("publish", topic, payload);
  }

  /** Disconnects for good. Who still waits for a subscription is told that there will be none. */
  close() {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#socket.close(1000);
    const over = new HubError("CONNECTION_LOST", "The client was closed");
    for (const { reject } of this.#subscriptions.values()) reject(over);
    this.#subscriptions.clear();
  }

  get #isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  #connect() {
    this.#tell("connecting", "connecting");
    const socket = new WebSocket(this.#url, protocols(this.#token));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#opened();
    socket.onmessage = ({ data }) => this.#receive(readMessage(data));
    socket.onclose = ({ code, reason }) => this.#closed(code, reason);
    this.#socket = socket;
  }

  #opened() {
    this.#tell("open", "connected");
    for (const subscription of this.#subscriptions.values()) this.#ask(subscription);
  }

  #closed(code, reason) {
    const lost = new HubError("CONNECTION_LOST", "The connection was lost before the hub answered");
    for (const id of [...this.#waiting.keys()]) this.#settle(id, ({ reject }) => reject(lost));
    const how = reason === "" ? `${code}` : `${code}: ${reason}`;
    if (this.#isOver || FINAL_CODES.includes(code)) return this.#tell("closed", `closed with ${how}`);
    this.#tell("closed", `not connected (${how}), trying again`);
    this.#timer = setTimeout(() => this.#connect(), this.#delay(code, reason));
  }

  /** The hub may say when to come back; otherwise the delay grows, and is random so that not all come at once. */
  #delay(code, reason) {
    const named = /\bretry=(\d+)$/.exec(reason);
    if (named !== null) return Number(named[1]);
    // 44xx: it would end the same way at once.
    if (code >= 4400 && code < 4450) return MAX_DELAY_MS;
    return Math.random() * Math.min(MAX_DELAY_MS, 500 * 2 ** this.#attempts++);
  }

  /** Asks the hub for a subscription, on each connection anew. */
  async #ask(subscription) {
    const { key, payload, resolve, reject, wasTaken } = subscription;
    try {
      await this.#request("system.topic.subscribe", payload);
      subscription.wasTaken = true;
      resolve();
    } catch (error) {
      const isCurrent = this.#subscriptions.get(key) === subscription;
      // The next connection brings another try; a hub that does not answer is as good as lost.
      if (isCurrent && error.code === "NO_ANSWER") this.#socket.close();
      if (isCurrent && RETRIED_CODES.includes(error.code)) return;
      if (isCurrent) this.#subscriptions.delete(key);
      if (wasTaken) this.#handlers.onError?.(error);
      else reject(error);
    }
  }

  #request(topic, payload) {
    return this.#call("request", topic, JSON.stringify(payload));
  }

  /** Sends a message with an id; the hub answers each of those. */
  #call(action, topic, payload) {
    // Topics often come from people; a colon or newline in one would change the fields of the message.
    if (/[:\n]/.test(topic)) {
      return Promise.reject(new HubError("INVALID_TOPIC", "A topic has no colons and no newlines"));
    }
    if (!this.#isOpen) {
      return Promise.reject(new HubError("NOT_CONNECTED", "There is no connection to the hub"));
    }
    const { promise, resolve, reject } = Promise.withResolvers();
    const id = crypto.randomUUID();
    const timer = setTimeout(() => {
      const error = new HubError("NO_ANSWER", `The hub did not answer within ${ANSWER_TIMEOUT_MS / 1000} s`);
      this.#settle(id, ({ reject }) => reject(error));
    }, ANSWER_TIMEOUT_MS);
    this.#waiting.set(id, { resolve, reject, timer });
    this.#send(`${action}:${topic}:${VERSION}:${id}`, payload);
    return promise;
  }

  #send(header, payload) {
    if (typeof payload === "string") this.#socket.send(`${header}\n${payload}`);
    else this.#socket.send(new Blob([`${header}\n`, payload]));
  }

  #receive({ action, topic, id, payload }) {
    // The first message says that the hub has taken us: the delay may begin small again.
    this.#attempts = 0;
    if (action === "response") return this.#answered(id, payload);
    if (action === "request") return this.#asked(topic, id);
    if (topic === "system.topic.gap") return this.#handlers.onGap?.(JSON.parse(payload));
    if (!topic.startsWith("system.")) this.#handlers.onMessage?.({ topic, payload, id });
  }

  #answered(id, payload) {
    const { error } = JSON.parse(payload);
    // Without an id the hub could not read the message that it means: that is whatever waits.
    for (const meant of id === "" ? [...this.#waiting.keys()] : [id]) {
      this.#settle(meant, ({ resolve, reject }) => {
        if (error === undefined) resolve();
        else reject(new HubError(error.code, error.message));
      });
    }
  }

  /** The hub asks for a sign of life only where it cannot ping; over WebSocket the browser answers it. */
  #asked(topic, id) {
    if (topic === "system.heartbeat") {
      this.#send(`response:${topic}:${VERSION}:${id}`, '{"status":"success"}');
    }
  }

  #settle(id, how) {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    how(waiting);
  }

  #tell(state, text) {
    this.#handlers.onState?.({ state, text });
  }
}

/** Takes a message apart. The hub sends text where the payload is text, bytes otherwise. */
function readMessage(data) {
  const isText = typeof data === "string";
  const bytes = isText ? null : new Uint8Array(data);
  const end = isText ? data.indexOf("\n") : bytes.indexOf(NEWLINE);
  const header = isText ? data.slice(0, end) : new TextDecoder().decode(bytes.subarray(0, end));
  const [action, topic, , id = ""] = header.split(":");
  return { action, topic, id, payload: isText ? data.slice(end + 1) : bytes.slice(end + 1) };
}
