/** Spokes that go somewhere through a hub: their rights, the names that there are, and the streams that they open. */
import type { Resolve } from "../../src/link/resolver.ts";
import { Gatherer, Spoke } from "../helpers/spoke.ts";
import type { TestHub } from "../helpers/test_hub.ts";

/** A hub that asks for a login, and knows these tokens by the `connect` rights that they have. */
export function connectTokens(tokens: Readonly<Record<string, readonly string[]>>): string[] {
  const list = Object.entries(tokens).map(([name, connect]) => ({
    token: tokenOf(name),
    subject: name,
    account: "acme",
    permissions: { connect },
  }));
  return ["auth.mode=required", `auth.tokens=${JSON.stringify(list)}`];
}

export function tokenOf(name: string): string {
  return `token-of-a-test-for-${name}`;
}

/** A resolver that knows some names, and remembers what it was asked. */
export function namesOf(names: Readonly<Record<string, readonly string[]>>): Resolve & { asked: string[] } {
  const asked: string[] = [];
  const resolve = (name: string) => {
    asked.push(name);
    const found = names[name];
    return found === undefined ? Promise.reject(new Error("no such name")) : Promise.resolve(found);
  };
  return Object.assign(resolve, { asked });
}

/** A spoke that is logged in with one of the tokens. */
export function member(hub: TestHub, name: string, agentId = "visitor"): Promise<Spoke> {
  return Spoke.member({ port: hub.port }, { token: tokenOf(name), agentId });
}

/** Opens a stream to `agent:host:port`. */
export function reach(spoke: Spoke, [agent, host, port]: readonly [string, string, number]) {
  const gatherer = new Gatherer();
  const stream = spoke.transport.mux.open({ target: { agent, host, port } }, gatherer);
  if (typeof stream === "string") throw new Error(stream);
  gatherer.stream = stream;
  return { stream, gatherer };
}

/** What comes back of a text that goes there and back; the code where there is no way. */
export async function echoed(
  spoke: Spoke,
  target: readonly [string, string, number],
): Promise<string | number> {
  const { stream, gatherer } = reach(spoke, target);
  stream.write(new TextEncoder().encode("there and back"));
  stream.end();
  const reset = await gatherer.over;
  return reset === null ? gatherer.text : reset.code;
}
