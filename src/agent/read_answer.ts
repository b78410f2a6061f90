/** Reads the head of an HTTP answer from a connection and leaves what follows alone. */
import { closedError } from "../link/client_socket.ts";
import type { GatedStream } from "../link/gated_socket.ts";
import { type HttpAnswer, HttpAnswerDecoder } from "../wire/http_answer.ts";

/** Thrown where what answers does not answer as HTTP/1.1 has it; its message completes "what answers ...: ". */
export class NoHttpAnswer extends Error {
  override readonly name = "NoHttpAnswer";
}

/**
 * Sends a request without a body and reads the head of its answer; the connection is paused then. Throws
 * {@link NoHttpAnswer}, or the error of the socket.
 */
export function ask(link: GatedStream, request: readonly string[]): Promise<HttpAnswer> {
  const { socket } = link;
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const decoder = new HttpAnswerDecoder();
  const onData = (chunk: Uint8Array) => {
    const result = decoder.feed(chunk);
    if (result.kind === "incomplete") return;
    stop();
    if (result.kind === "malformed") reject(new NoHttpAnswer(result.reason));
    else resolve(result);
  };
  const onEnd = () => reject(closedError());
  const stop = () => {
    link.pause();
    socket.off("data", onData).off("end", onEnd).off("close", onEnd).off("error", reject);
  };
  socket.on("data", onData).on("end", onEnd).on("close", onEnd).on("error", reject);
  socket.write(`${request.join("\r\n")}\r\n\r\n`);
  link.resume();
  return promise;
}
