/**
 * Streams of a hub in tests: one for the agent `echo` is sent back, one for another agent is joined with a stream to
 * it, as far as the rights of who opens it reach.
 */
import { StreamCode } from "../../src/core/stream_codes.ts";
import type { Stream, StreamConsumer } from "../../src/link/stream.ts";
import type { StreamRefusal } from "../../src/link/stream_mux.ts";
import type { AgentLink, FrameServices } from "../../src/tunnel/frame_services.ts";
import type { OpenStream } from "../../src/wire/frame_payloads.ts";
import { refuseTunnel } from "./no_tunnels.ts";
import { echoOf, joinStreams } from "./echo_stream.ts";

/** Joins the streams of one hub. */
export class JoiningServices implements FrameServices {
  readonly #links = new Map<string, AgentLink>();

  /** The connections of agents that are there. */
  get links(): readonly AgentLink[] {
    return [...this.#links.values()];
  }

  /** The connection of an agent. */
  linkOf(agentId: string): AgentLink {
    const link = this.#find(agentId);
    if (link === undefined) throw new Error(`no agent ${agentId} is there`);
    return link;
  }

  readonly register = refuseTunnel;
  readonly unregister = refuseTunnel;

  accept(stream: Stream, open: OpenStream, { principal }: AgentLink): StreamConsumer | StreamRefusal {
    if (!("target" in open)) return { code: StreamCode.unknownTunnel, reason: "No such tunnel" };
    const { agent } = open.target;
    if (principal?.rights.allowsConnect(open.target) !== true) {
      return { code: StreamCode.notAllowed, reason: `Not allowed to connect through agent ${agent}` };
    }
    if (agent === "echo") return echoOf(stream);
    const target = this.#find(agent);
    const joined = target === undefined
      ? null
      : joinStreams(stream, (consumer) => target.open(open, consumer));
    return joined ?? { code: StreamCode.unknownTunnel, reason: `No agent ${agent}` };
  }

  joined(link: AgentLink): void {
    this.#links.set(link.id, link);
  }

  left({ id }: AgentLink): void {
    this.#links.delete(id);
  }

  /** Of several connections the newest: an older one may be lost and nobody knows yet. */
  #find(agentId: string): AgentLink | undefined {
    return this.links.findLast(({ name }) => name.agentId === agentId);
  }
}
