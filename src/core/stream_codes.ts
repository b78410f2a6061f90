/**
 * Why a stream was reset. The numbers are part of the protocol.
 */
export const StreamCode = {
  cancelled: 0,
  localRefused: 1,
  localTimeout: 2,
  localReset: 3,
  localBroken: 4,
  notAllowed: 5,
  overLimit: 6,
  unknownTunnel: 7,
  draining: 8,
  idle: 9,
  internal: 10,
} as const;

/** A code of {@link StreamCode}. */
export type StreamCode = typeof StreamCode[keyof typeof StreamCode];
