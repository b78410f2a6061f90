/** A client of the hub in a worker of its own: started, told things, and gone when its connection is over. */

/** One client. */
export class Peer {
  #script;
  #handlers;
  #worker = null;

  /** `handlers` by the type of what the worker reports: `open`, `closed` and its own. */
  constructor(script, handlers) {
    this.#script = script;
    this.#handlers = handlers;
  }

  /** Starts the worker anew with its first message. */
  start(settings) {
    this.stop();
    const worker = new Worker(this.#script, { type: "module" });
    this.#worker = worker;
    worker.onmessage = ({ data }) => {
      if (this.#worker !== worker) return;
      if (data.type === "closed") this.stop();
      this.#handlers[data.type](data);
    };
    worker.postMessage(settings);
  }

  /** Tells the worker something; of no effect when it does not run. */
  tell(message) {
    this.#worker?.postMessage(message);
  }

  /** Ends the worker and its connection. */
  stop() {
    this.#worker?.terminate();
    this.#worker = null;
  }
}
