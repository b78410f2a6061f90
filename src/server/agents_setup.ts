/**
 * Builds what agents need from a configuration: the bounds of their streams, what they are told to keep to, and the
 * path on which they come by WebSocket.
 */
import { AbsentBroker } from "../broker/absent_broker.ts";
import type { MessageBroker } from "../broker/message_broker.ts";
import type { Config } from "../config/schema.ts";
import type { Clock, Logger } from "../core/ports.ts";
import type { AcceptedLink } from "../hub/accepted_link.ts";
import type { ConnectionFactory, FramesSettings } from "../hub/connection_factory.ts";
import type { FramesUser } from "../hub/frames_user.ts";
import { freeLogin } from "../hub/login.ts";
import { LoginWatch } from "../hub/login_watch.ts";
import type { UpgradeTarget } from "../hub/upgrade.ts";
import type { TransportSettings } from "../link/socket_transport.ts";
import type { StreamStats } from "../link/stream_stats.ts";
import { Agents } from "../tunnel/agents.ts";
import type { FrameServices } from "../tunnel/frame_services.ts";
import { MAX_HEADER_BYTES } from "../wire/header_fields.ts";
import type { Logins } from "./logins.ts";

/** What agents get from the rest of the hub. */
export interface AgentPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** `null` on a hub that asks for no login. */
  readonly logins: Logins | null;
  /** `null` while it is off. */
  readonly broker: MessageBroker | null;
  readonly services: FrameServices;
}

/** The path on which WebSockets speak frames. */
export const AGENT_PATH = "/agent";
const SUBPROTOCOLS: readonly string[] = ["trunkline.frames.v1"];

/** Makes the agents of a hub. */
export function createAgents(config: Config, { broker, ...ports }: AgentPorts): Agents {
  const { hub, tunnel, limits } = config;
  const { max_payload: maxPayload, request } = config.broker;
  const absent = { maxMessageBytes: 2 * maxPayload + MAX_HEADER_BYTES, maxTimeoutMs: request.max_timeout };
  return new Agents({
    ...ports,
    leaseMs: tunnel.name_lease,
    limits: {
      maxStreams: limits.connection.streams,
      initialWindow: tunnel.window.initial,
      maxWindow: tunnel.window.max,
      connectionWindow: tunnel.window.connection,
      maxPayload,
      heartbeatIntervalMs: hub.heartbeat.interval,
      heartbeatTimeoutMs: hub.heartbeat.timeout,
    },
    createMessages: () => broker?.createSession() ?? new AbsentBroker(absent),
  });
}

/** What the connections of agents have more than others. */
export function framesSettings(
  { hub, limits, tunnel }: Pick<Config, "hub" | "limits" | "tunnel">,
  { logins, ...settings }: TransportSettings & { streamStats: StreamStats; logins: Logins | null },
): FramesSettings {
  const { streams } = limits.connection;
  const { initial, max, connection } = tunnel.window;
  const { clock } = settings;
  return {
    ...settings,
    limits: {
      maxStreams: streams === 0 ? Infinity : streams,
      windows: { initialBytes: initial, maxBytes: max, connectionBytes: connection },
      // Agents take over what they are told at their login.
      peerInitialBytes: initial,
    },
    // Where nobody has to log in they still have to say who they are, and in time.
    watch: logins?.watch ?? new LoginWatch({
      clock,
      wallClock: { now: () => Date.now() },
      timeoutMs: hub.auth_timeout,
      onEnded: () => {},
    }),
  };
}

/** The user of a connection that was accepted. */
export function agentUser(accepted: AcceptedLink, agents: Agents, logins: Logins | null): FramesUser {
  const { login, certificate } = accepted;
  return agents.createSession(logins === null ? freeLogin(accepted) : login, certificate);
}

/** What a path leads to when it is that of agents; `undefined` otherwise. */
export function agentTarget(
  path: string,
  { agents, connections, logins }: { agents: Agents; connections: ConnectionFactory; logins: Logins | null },
): UpgradeTarget | undefined {
  if (path !== AGENT_PATH) return undefined;
  return {
    subprotocols: SUBPROTOCOLS,
    login: "frame",
    origins: "listed",
    accept: (accepted) => connections.openFramesInWebSocket(accepted, agentUser(accepted, agents, logins)),
  };
}
