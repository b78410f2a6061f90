/**
 * The times of logins: who does not log in in time is ended, who is logged in is told that the login runs out and is
 * ended when it has, and whose login other rules do not allow any more is ended as soon as they hold. One timer each
 * for all connections.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { Clock } from "../core/ports.ts";
import { Deadlines, Expiring } from "../limits/deadlines.ts";
import type { Login } from "./login.ts";

/** Whose login is watched. */
export interface LoginHolder {
  /** Goes on with another login of the same somebody. */
  renew(login: Login): unknown;
  close(code: number, reason: string): void;
  /** The login runs out at this time, in milliseconds since 1970. */
  loginExpires(atMs: number): void;
}

/** Why a login ended. */
export type LoginEnd =
  | { readonly kind: "expired" }
  /** `reason` says what of the rules ended it. */
  | { readonly kind: "revoked"; readonly reason: string };

/** What a watch works with. */
export interface LoginWatchOptions<H> {
  readonly clock: Clock;
  /** Milliseconds since 1970, of the clock that logins name. */
  readonly wallClock: Clock;
  /** How long a peer may take to log in. */
  readonly timeoutMs: number;
  /** Told of each login that ended, before its connection is. */
  readonly onEnded: (holder: H, why: LoginEnd) => void;
  /** Runs a function in a later turn of the event loop. @default setImmediate */
  readonly later?: (run: () => void) => void;
}

/** How long before its end somebody is told. */
export const NOTICE_MS = 30_000;
/** Logins end by the second. */
const EXPIRY_SLOT_MS = 1000;
/** So long one turn of the event loop is spent on logins that are looked at again. */
const SLICE_MS = 4;

/** What somebody waits to be told. */
class Appointment<H> extends Expiring<Appointment<H>> {
  readonly holder: H;
  /** `null` while nobody has logged in. */
  readonly login: Login | null;
  /** The end comes next; otherwise the notice of it. */
  readonly isLast: boolean;

  constructor(
    deadlineMs: number,
    { holder, login, isLast }: { holder: H; login: Login | null; isLast: boolean },
  ) {
    super(deadlineMs);
    this.holder = holder;
    this.login = login;
    this.isLast = isLast;
  }
}

/** Watches the logins of one hub. */
export class LoginWatch<H extends LoginHolder> {
  readonly #options: LoginWatchOptions<H>;
  readonly #waiting: Deadlines<Appointment<H>>;
  readonly #expiring: Deadlines<Appointment<H>>;
  readonly #appointments = new Map<H, Appointment<H>>();
  readonly #logins = new Map<H, Login>();

  constructor(options: LoginWatchOptions<H>) {
    this.#options = options;
    const { clock } = options;
    this.#waiting = new Deadlines(clock, ({ holder }) => {
      this.#appointments.delete(holder);
      holder.close(CloseCode.unauthorized, "Not logged in in time");
    });
    this.#expiring = new Deadlines(clock, (due) => this.#ran(due), EXPIRY_SLOT_MS);
  }

  /** Somebody is there who has to log in. */
  waits(holder: H): void {
    const deadlineMs = this.#options.clock.now() + this.#options.timeoutMs;
    this.#make(this.#waiting, new Appointment(deadlineMs, { holder, login: null, isLast: true }));
  }

  /** Somebody logged in, for the first time or again. */
  loggedIn(holder: H, login: Login): void {
    this.#cancel(holder);
    this.#logins.set(holder, login);
    const { expiresAtMs } = login.principal;
    if (expiresAtMs === null) return;
    const leftMs = expiresAtMs - this.#options.wallClock.now();
    const endMs = this.#options.clock.now() + leftMs;
    const isLast = leftMs <= NOTICE_MS;
    // Who comes with a login that is about to run out is told at once; the notice is never skipped.
    const deadlineMs = isLast ? endMs : endMs - NOTICE_MS;
    this.#make(this.#expiring, new Appointment(deadlineMs, { holder, login, isLast }));
    // Being told may be what ends a holder, so nothing may be made for it after that.
    if (isLast) holder.loginExpires(expiresAtMs);
  }

  /** Somebody is gone. */
  left(holder: H): void {
    this.#cancel(holder);
    this.#logins.delete(holder);
  }

  /**
   * Looks at every login again, because the rules have changed; gives how many were ended. It takes the turns of the
   * event loop that it needs, so that everybody is served in between.
   */
  async reevaluateAll(): Promise<number> {
    const { clock, later = setImmediate } = this.#options;
    let ended = 0;
    // Those who log in meanwhile stand behind the others and are in under the new rules: however many come, it ends.
    let left = this.#logins.size;
    let sliceEndsMs = clock.now() + SLICE_MS;
    for (const [holder, login] of this.#logins) {
      if (left-- === 0) break;
      if (clock.now() >= sliceEndsMs) {
        await new Promise<void>((resolve) => void later(resolve));
        sliceEndsMs = clock.now() + SLICE_MS;
      }
      if (this.#logins.get(holder) === login && this.#hasEnded(holder, login)) ended++;
    }
    return ended;
  }

  #hasEnded(holder: H, login: Login): boolean {
    const now = login.reevaluate();
    if (now.kind === "holds") {
      if (now.login !== login) holder.renew(now.login);
      return false;
    }
    this.#options.onEnded(holder, { kind: "revoked", reason: now.reason });
    holder.close(CloseCode.unauthorized, "The login was revoked");
    return true;
  }

  #ran({ holder, login, isLast }: Appointment<H>): void {
    this.#appointments.delete(holder);
    const expiresAtMs = login?.principal.expiresAtMs ?? null;
    if (login === null || expiresAtMs === null) return;
    if (isLast) {
      this.#options.onEnded(holder, { kind: "expired" });
      holder.close(CloseCode.unauthorized, "The login has run out");
      return;
    }
    const deadlineMs = this.#options.clock.now() + expiresAtMs - this.#options.wallClock.now();
    this.#make(this.#expiring, new Appointment(deadlineMs, { holder, login, isLast: true }));
    holder.loginExpires(expiresAtMs);
  }

  #make(deadlines: Deadlines<Appointment<H>>, appointment: Appointment<H>): void {
    this.#appointments.set(appointment.holder, appointment);
    deadlines.add(appointment);
  }

  #cancel(holder: H): void {
    const appointment = this.#appointments.get(holder);
    if (appointment === undefined) return;
    this.#appointments.delete(holder);
    (appointment.login === null ? this.#waiting : this.#expiring).delete(appointment);
  }
}
