/** The ways to a hub, as options of a command. */
import { TestCertificates } from "../helpers/certificates.ts";
import { TestHub } from "../helpers/test_hub.ts";

/** Where nobody listens, for what has to be refused before anything is dialled. */
export const NOWHERE: readonly string[] = ["--url", "ws://127.0.0.1:1"];

/** The options that reach a hub by each scheme that it serves. */
export function* waysTo(
  hub: TestHub,
  certificates: TestCertificates | null,
): Generator<[string, string[]]> {
  const schemes = certificates === null ? ["ws", "tcp"] : ["wss", "tls"];
  const ca = certificates === null ? [] : ["--ca", certificates.caPath];
  for (const scheme of schemes) yield [scheme, ["--url", `${scheme}://127.0.0.1:${hub.port}`, ...ca]];
}

/** Runs a test over all four transports, plain text first. */
export async function overAll(
  test: (scheme: string, to: string[], hub: TestHub) => Promise<void>,
  settings: readonly string[] = [],
): Promise<void> {
  using certificates = await TestCertificates.create();
  for (const used of [null, certificates]) {
    await using hub = await TestHub.start([...used?.settings ?? [], ...settings]);
    for (const [scheme, to] of waysTo(hub, used)) await test(scheme, to, hub);
  }
}

/** The options that reach a hub over a plain WebSocket. */
export function urlOf(hub: TestHub): string[] {
  return ["--url", `ws://127.0.0.1:${hub.port}`];
}
