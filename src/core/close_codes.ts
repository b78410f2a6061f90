/**
 * Why a connection ended. The numbers are WebSocket close codes (RFC 6455, section 7.4) and serve every
 * transport; 4400-4449 mean "do not retry at once with the same credentials or behaviour", 4500-4549 mean
 * "reconnect with backoff and jitter".
 */
export const CloseCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  noStatus: 1005,
  abnormal: 1006,
  invalidData: 1007,
  policy: 1008,
  tooBig: 1009,
  internal: 1011,
  unauthorized: 4401,
  forbidden: 4403,
  heartbeatTimeout: 4408,
  replaced: 4409,
  slowConsumer: 4413,
  rateLimited: 4429,
  draining: 4503,
} as const;

/** A close code of {@link CloseCode}. */
export type CloseCode = typeof CloseCode[keyof typeof CloseCode];
