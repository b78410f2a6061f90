/** Dials in tests: targets with short words, and what comes of an attempt. */
import assert from "node:assert/strict";
import { dial, type DialledLink } from "../../src/agent/dial.ts";
import type { DialTarget } from "../../src/agent/dial_target.ts";
import { firstPath } from "../../src/agent/dial_target.ts";
import type { Proxy } from "../../src/agent/proxy_choice.ts";
import { parseHubUrl } from "../../src/config/hub_url.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import type { ClientTls } from "../../src/link/client_tls.ts";

/** What a test says about a target. */
export interface TargetOptions extends Partial<ClientTls> {
  readonly proxy?: Proxy | null;
  readonly connectTimeoutMs?: number;
}

/** A hub to dial. */
export function targetOf(
  text: string,
  { proxy = null, connectTimeoutMs = 30_000, ...tls }: TargetOptions = {},
): DialTarget {
  const url = parseHubUrl(text);
  assert.ok(typeof url !== "string", `${text}: ${String(url)}`);
  const usual: ClientTls = { ca: null, client: null, verify: true, minVersion: "1.3" };
  return { url, proxy, tls: url.isSecure ? { ...usual, ...tls } : null, connectTimeoutMs };
}

/** Dials by the first way of the target. */
export function dialFirst(target: DialTarget, signal = new AbortController().signal): Promise<DialledLink> {
  return dial(target, { path: firstPath(target.url), signal });
}

/** The error of an attempt that must fail. */
export async function failureOfDial(target: DialTarget): Promise<TrunklineError> {
  try {
    const { link } = await dialFirst(target);
    link.socket.destroy();
  } catch (error) {
    assert.ok(error instanceof TrunklineError, String(error));
    return error;
  }
  throw new Error(`${target.url.text} was reached`);
}

/** Sends bytes and reads as many back, then ends. */
export async function echoed({ link, head }: DialledLink, bytes: Uint8Array): Promise<Uint8Array> {
  const received: number[] = [...head];
  const { promise, resolve } = Promise.withResolvers<void>();
  link.socket.on("data", (chunk: Uint8Array) => {
    received.push(...chunk);
    if (received.length >= bytes.length) resolve();
  });
  link.socket.write(bytes);
  link.resume();
  await promise;
  const closed = new Promise<void>((done) => link.socket.once("close", () => done()));
  link.socket.destroy();
  await closed;
  return Uint8Array.from(received);
}
