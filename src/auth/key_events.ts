/**
 * What becomes of the keys of tokens, for logs and metrics. Nothing of a token is told.
 */
import type { Logger } from "../core/ports.ts";

/** Is told what becomes of keys. No call may throw. */
export interface KeyEvents {
  /** Keys came; `ignored` says how many of the set cannot be used here. */
  loaded(source: string, result: { readonly keys: number; readonly ignored: number }): void;
  /** Keys did not come. Told at the pace of the attempts, never for each token. */
  failed(source: string, failure: KeyFailure): void;
  /** A token named a key that is not there. Told for each such token. */
  unknownKey(source: string): void;
  /** A token is refused because checking it failed in a way that is no fault of a token. */
  checkFailed(method: string, cause: unknown): void;
}

/** Why keys did not come. */
export interface KeyFailure {
  readonly reason: string;
  /** Whether there are keys from before, which stay in use. */
  readonly hasKeys: boolean;
  readonly retryAfterMs: number;
}

/** Events as log lines; tokens of unknown keys, of which anybody can send any number, make none. */
export function logKeyEvents(logger: Logger): KeyEvents {
  return {
    loaded: (source, { keys, ignored }) => {
      if (keys === 0) {
        logger.warning(`The keys of ${source} hold none that can be used: no token is taken`, { ignored });
      } else logger.info(`Loaded the keys of ${source}`, { keys, ignored });
    },
    failed: (source, { reason, hasKeys, retryAfterMs }) => {
      const effect = hasKeys
        ? "the keys from before stay in use"
        : "tokens that need them are refused until then";
      logger.warning(`Cannot load the keys of ${source}: ${reason}; ${effect}`, { retryAfterMs });
    },
    unknownKey: () => {},
    checkFailed: (method, cause) => logger.error(`Cannot check a token by ${method}`, { cause }),
  };
}
