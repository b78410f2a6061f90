/** The service of a load of requests: answers each with what it was sent, all that came at once in one write. */
import { Buffer } from "node:buffer";
import { encodeFrame } from "./bench_framing.ts";
import { type LoadEvents, type LoadLink, startsWith } from "./bench_link.ts";

const REQUEST = "request";
const [COLON, NEWLINE] = [0x3a, 0x0a];
const ID_BYTES = 36;
const encoder = new TextEncoder();
const RESPONSE = encoder.encode("response");

/** Answers over one link; what waits is bounded by the requests that are on their way. */
export class EchoService implements LoadEvents {
  readonly #prefix: Uint8Array;
  #link: LoadLink | null = null;
  #answers: Uint8Array[] = [];

  constructor(topic: string) {
    this.#prefix = encoder.encode(`${REQUEST}:${topic}:`);
  }

  /** Answers over this link from now on. */
  attach(link: LoadLink): void {
    this.#link = link;
    this.onTurn();
  }

  take(message: Uint8Array): boolean {
    if (!startsWith(message, this.#prefix)) return false;
    const answer = answerTo(message, this.#prefix.length);
    // Who gives no id wants no answer.
    if (answer !== null) this.#answers.push(answer);
    return true;
  }

  onTurn(): void {
    const link = this.#link;
    if (link === null || link.isBusy || this.#answers.length === 0) return;
    const frames = this.#answers.map((answer) => encodeFrame(link.framing, answer));
    this.#answers = [];
    link.write(Buffer.concat(frames));
  }

  onWritten(): void {
    this.onTurn();
  }
}

/** `response:{topic}:{version}:{id}` with the payload of the request; `null` where it has no id. */
function answerTo(request: Uint8Array, versionAt: number): Uint8Array | null {
  const idAt = request.indexOf(COLON, versionAt) + 1;
  const headerEnd = request.indexOf(NEWLINE, versionAt);
  const idEnd = idAt + ID_BYTES;
  if (idAt === 0 || headerEnd < idEnd) return null;
  return Buffer.concat([RESPONSE, request.subarray(REQUEST.length, idEnd), request.subarray(headerEnd)]);
}
