/**
 * Which way frames take to the hub: as they are on a TCP or TLS stream, or inside a WebSocket where only HTTP
 * passes. The way that works is kept until it fails; then the first one has its turn again.
 *
 * Frames do not get through a stream when what answers speaks something else, or ends the stream, or stays silent,
 * before the first frame of the hub is complete: a proxy that ends TLS and takes HTTP only does one of these. A
 * connection that is not made at all (refused, no route, a certificate that is not trusted, a proxy that denies it)
 * is no such sign, because a WebSocket to the same place would meet the same.
 */

/** A way to the hub. */
export type LinkPath = "stream" | "websocket";

/** The way to take, and what is learnt on it. */
export class LinkPaths {
  readonly #first: LinkPath;
  #current: LinkPath;

  /** Begins with `first`; only from a stream there is another way. */
  constructor(first: LinkPath) {
    this.#first = first;
    this.#current = first;
  }

  /** The way to take next. */
  get current(): LinkPath {
    return this.#current;
  }

  /** Frames did not get through; whether there is another way, which is taken next. */
  blocked(): boolean {
    if (this.#current === "websocket") {
      this.failed();
      return false;
    }
    this.#current = "websocket";
    return true;
  }

  /** There was no connection; the first way has its turn again. */
  failed(): void {
    this.#current = this.#first;
  }
}
