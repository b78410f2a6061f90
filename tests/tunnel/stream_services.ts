/** A hub whose streams a test takes, and agents that it opens streams to. */
import { Stream, type StreamConsumer } from "../../src/link/stream.ts";
import type { StreamRefusal } from "../../src/link/stream_mux.ts";
import type { AgentLink, FrameServices } from "../../src/tunnel/frame_services.ts";
import type { OpenStream } from "../../src/wire/frame_payloads.ts";
import { Inbox } from "../helpers/inbox.ts";
import { refuseTunnel } from "../helpers/no_tunnels.ts";
import { Gatherer, type Spoke } from "../helpers/spoke.ts";

/** What streams of the tests are opened for. */
export const OPEN: OpenStream = {
  tunnelId: 1,
  src: { ip: "192.0.2.1", port: 1 },
  dst: { ip: "192.0.2.2", port: 2 },
};

/** Takes every stream and sends back what comes, unless a test says otherwise. */
export class TestServices implements FrameServices {
  /** Connections of agents, as they come. */
  readonly links = new Inbox<AgentLink>();
  readonly gone: string[] = [];
  readonly taken: Gatherer[] = [];
  readonly opens: OpenStream[] = [];
  take: (stream: Stream) => Gatherer | StreamRefusal = Gatherer.echo;

  readonly register = refuseTunnel;
  readonly unregister = refuseTunnel;

  accept(stream: Stream, open: OpenStream): StreamConsumer | StreamRefusal {
    const taken = this.take(stream);
    this.opens.push(open);
    if (taken instanceof Gatherer) this.taken.push(taken);
    return taken;
  }

  joined(link: AgentLink): void {
    this.links.push(link);
  }

  left({ id }: AgentLink): void {
    this.gone.push(id);
  }

  /** The next connection of an agent. */
  async link(): Promise<AgentLink> {
    const link = await this.links.next();
    if (link === null) throw new Error("no agent comes any more");
    return link;
  }
}

/** Opens a stream from either side. */
export function openStream(side: AgentLink | Spoke["transport"]["mux"], gatherer = new Gatherer()) {
  const stream = side.open(OPEN, gatherer);
  if (!(stream instanceof Stream)) throw new Error(`not opened: ${stream}`);
  gatherer.stream = stream;
  return { stream, gatherer };
}
