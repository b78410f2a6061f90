/**
 * The payloads of frames that are JSON: what each has to have, and how long each text may be. Fields that are not
 * known are dropped.
 */
import { z } from "zod";

const text = (max: number) => z.string().max(max);
/** What ports, ids, addresses and names have at most. */
export const [MAX_PORT, MAX_ID, MAX_IP_LENGTH, MAX_HOST_LENGTH] = [65_535, 0xffff_ffff, 45, 253];
/** How many refs of streams there are on a connection. */
export const MAX_REFS = 1024;
const port = z.int().min(0).max(MAX_PORT);
const uint32 = z.int().min(0).max(MAX_ID);
const milliseconds = z.int().min(0).max(0x7fff_ffff);
const host = text(MAX_HOST_LENGTH).min(1);
const endpoint = z.object({ ip: text(MAX_IP_LENGTH).min(1), port });
const requestId = text(64).min(1);
const hostLike = host.optional();
const failure = { ok: z.literal(false), code: text(64), message: text(1024) };

/** Payload of AuthRequest. */
export const authRequestSchema = z.object({
  token: text(8192).optional(),
  agentId: text(64).min(1),
  session: text(64).min(1),
  tenant: text(128).optional(),
  resume: text(512).optional(),
  features: z.array(text(64)).max(64),
});

/** Payload of AuthResponse. */
export const authResponseSchema = z.union([
  z.object({
    ok: z.literal(true),
    connectionId: text(64),
    agentId: text(64),
    accountId: text(255),
    tenant: text(128),
    resume: text(512),
    limits: z.record(text(64), z.number()),
  }),
  z.object({ ...failure, retryAfterMs: milliseconds.optional() }),
]);

/** Payload of RegisterTunnel. */
export const registerTunnelSchema = z.object({
  requestId,
  kind: z.enum(["http", "tcp", "udp", "tun"]),
  name: text(64).optional(),
  subdomain: text(63).optional(),
  hostname: hostLike,
  remotePort: port.optional(),
  localAddr: text(255).optional(),
  group: text(64).optional(),
  weight: z.int().min(0).max(1_000_000).optional(),
  policy: z.record(text(64), z.json()).optional(),
});

/** Payload of UnregisterTunnel. */
export const unregisterTunnelSchema = z.object({ requestId, tunnelId: uint32 });

/** Payload of TunnelResponse. */
export const tunnelResponseSchema = z.union([
  z.object({ requestId, ok: z.literal(true), tunnelId: uint32, url: text(2048) }),
  z.object({ requestId, ...failure }),
]);

/** Payload of OpenStream. */
export const openStreamSchema = z.union([
  z.object({
    tunnelId: uint32,
    src: endpoint,
    dst: endpoint,
    sni: hostLike,
    ref: z.int().min(0).max(MAX_REFS - 1).optional(),
  }),
  z.object({
    target: z.object({ agent: text(64).min(1), host, port }),
    src: endpoint.optional(),
    dst: endpoint.optional(),
  }),
]);

/** Payload of GoAway. */
export const goAwaySchema = z.object({ reason: text(1024), retryAfterMs: milliseconds.optional() });

/** Payload of Error: a word for programs, a sentence for people, and the close code where there is one. */
export const errorSchema = z.object({
  code: text(64),
  message: text(1024),
  closeCode: z.int().min(1000).max(4999).optional(),
  retryAfterMs: milliseconds.optional(),
});

export type AuthRequest = z.infer<typeof authRequestSchema>;
export type AuthResponse = z.infer<typeof authResponseSchema>;
export type RegisterTunnel = z.infer<typeof registerTunnelSchema>;
export type UnregisterTunnel = z.infer<typeof unregisterTunnelSchema>;
export type TunnelResponse = z.infer<typeof tunnelResponseSchema>;
export type OpenStream = z.infer<typeof openStreamSchema>;
/** For a stream of a tunnel. */
export type TunnelOpen = Extract<OpenStream, { tunnelId: number }>;
/** For a stream to a destination. */
export type TargetOpen = Extract<OpenStream, { target: unknown }>;
export type GoAway = z.infer<typeof goAwaySchema>;
export type ErrorPayload = z.infer<typeof errorSchema>;

/** What many streams are opened for. */
export class SharedOpen {
  readonly open: OpenStream;

  constructor(open: OpenStream) {
    this.open = open;
  }
}
