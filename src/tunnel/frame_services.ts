/**
 * The border between the connections of agents and what runs over their streams: tunnels. An agent opens a stream and
 * somebody here takes it; whoever wants to open one to an agent finds the agent's connections here.
 */
import type { EventOrigin } from "../core/security_event.ts";
import type { Principal } from "../core/principal.ts";
import type { ConnectionQuota } from "../limits/connection_quota.ts";
import type { Stream, StreamConsumer } from "../link/stream.ts";
import type { OpenRefusal, StreamRefusal } from "../link/stream_mux.ts";
import type {
  OpenStream,
  RegisterTunnel,
  SharedOpen,
  TunnelResponse,
  UnregisterTunnel,
} from "../wire/frame_payloads.ts";
import type { AgentName } from "./agent_sessions.ts";

/** A connection of an agent that is logged in. */
export interface AgentLink {
  /** The id of the connection. */
  readonly id: string;
  readonly name: AgentName;
  /** Of the agent's process: all its connections have the same. */
  readonly session: string;
  /** Who stands behind it, with the rights of now; `null` once it ends. */
  readonly principal: Principal | null;
  /** Whom an event of security is about that happens here. */
  readonly origin: EventOrigin;
  /** What its connection may use; `null`: as much as there is. */
  readonly quota: ConnectionQuota | null;
  /** What the agent says that it can do. */
  readonly features: ReadonlySet<string>;
  /** How many streams it has. */
  readonly streams: number;
  /** Whether it takes streams, as far as is known: it does not go away, and answers its heartbeats. */
  readonly isUsable: boolean;
  /** How long the way there and back took last, in milliseconds; `null` while it was not measured. */
  readonly roundTripMs: number | null;
  /** Opens a stream to the agent; it can be written to at once. */
  open(open: OpenStream | SharedOpen, consumer: StreamConsumer): Stream | OpenRefusal;
  /** Tells the agent what became of a tunnel. Of no effect once the connection ends. */
  tell(response: TunnelResponse): void;
}

/** Who runs streams over the connections of agents. */
export interface FrameServices {
  /** An agent opens a stream: who uses it, or why not. Must not wait. */
  accept(stream: Stream, open: OpenStream, link: AgentLink): StreamConsumer | StreamRefusal;
  /** An agent asks for a tunnel; it is told by {@link AgentLink.tell}. */
  register(request: RegisterTunnel, link: AgentLink): void;
  /** An agent gives a tunnel back; it is told as well. */
  unregister(request: UnregisterTunnel, link: AgentLink): void;
  /** The rights of a connection may have changed. */
  renewed?(link: AgentLink): void;
  /** A connection of an agent is there. */
  joined?(link: AgentLink): void;
  /** It ends, and right after this its streams do. */
  left?(link: AgentLink): void;
}
