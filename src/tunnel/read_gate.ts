/** Whether a visitor's socket is read now; to say the same twice costs nothing. */
import type { GatedSocket } from "../link/gated_socket.ts";

/** The gate. */
export class ReadGate {
  readonly #link: GatedSocket;
  #isPaused = false;

  /** `link` is read. */
  constructor(link: GatedSocket) {
    this.#link = link;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#link.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (!this.#link.socket.destroyed) this.#link.resume();
  }
}
