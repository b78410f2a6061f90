/**
 * The certificates of one door, as they are now: every handshake gets those that were loaded last, connections that are
 * there live on with theirs. Files are read again when they change, and now and then without that; what is wrong with
 * new ones is told once, and the old ones stay.
 */
import type { SecureContext, TLSSocketOptions } from "node:tls";
import { FileStamps, FileWatch } from "../config/file_watch.ts";
import type { ListenerTls } from "../hub/client_gate.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/ports.ts";
import { listenerTls } from "./listener_tls.ts";
import { loadTlsSet, materialFor, tlsFilesOf, type TlsSection, type TlsSet } from "./tls_files.ts";

/** A section of the configuration about certificates that are loaded anew. */
export interface ReloadedTls extends TlsSection {
  /** `interval`: in milliseconds. */
  readonly reload: { readonly auto: boolean; readonly interval: number };
}

/** Which door it is. */
export type TlsDoor = "hub" | "public";

/** What a store works with. */
export interface TlsStoreOptions {
  readonly door: TlsDoor;
  readonly logger: Logger;
  /** Milliseconds since 1970. @default Date.now */
  readonly wallNow?: () => number;
}

/** Certificates that were read and are not in use yet. */
export interface PreparedTls {
  readonly settings: ReloadedTls | null;
  readonly set: TlsSet | null;
  /** The files as they were before they were read. */
  readonly files: FileStamps;
}

/** How often files are looked at. */
const WATCH_MS = 1000;
const DAY_SECONDS = 24 * 60 * 60;
/** So many days before its end a certificate is warned of. */
const WARN_DAYS = 14;

/** The certificates of one door. */
export class TlsStore {
  readonly door: TlsDoor;
  readonly #logger: Logger;
  readonly #wallNow: () => number;
  #settings: ReloadedTls | null;
  #set: TlsSet | null = null;
  #isStarted = false;
  #watch: FileWatch | null = null;
  /** Looks every day whether a certificate ends soon. */
  #daily: ReturnType<typeof setInterval> | undefined;
  #again: ReturnType<typeof setInterval> | undefined;
  /** Files that were read and could not be used. */
  failures = 0;
  /** How often certificates were replaced. */
  replacements = 0;

  constructor(settings: ReloadedTls | null, { door, logger, wallNow = Date.now }: TlsStoreOptions) {
    this.#settings = settings;
    this.door = door;
    this.#logger = logger;
    this.#wallNow = wallNow;
  }

  /** Until the first of the certificates ends, negative after it; `null` without any. */
  get secondsLeft(): number | null {
    if (this.#set === null) return null;
    const ends = [this.#set.material, ...this.#set.byHost.values()].map(({ validTo }) => validTo.getTime());
    return (Math.min(...ends) - this.#wallNow()) / 1000;
  }

  /** Loads them for the first time, and looks after them from then on. Throws `certificate_invalid`. */
  start(): void {
    this.#isStarted = true;
    this.commit(this.prepare(this.#settings));
    if (this.#set !== null) this.#daily = setInterval(() => this.#warn(), DAY_SECONDS * 1000);
  }

  stop(): void {
    this.#isStarted = false;
    clearInterval(this.#daily);
    this.#leave();
  }

  /** What the next handshake is done with; `null`: no TLS is spoken. */
  get options(): TLSSocketOptions | null {
    const set = this.#set;
    if (set === null) return null;
    const { material: { context: secureContext, minVersion }, byHost } = set;
    if (byHost.size === 0) return { secureContext, minVersion };
    const choose = (host: string, done: (error: Error | null, context?: SecureContext) => void) =>
      done(null, materialFor(set, host).context);
    return { secureContext, minVersion, SNICallback: choose };
  }

  /** The same for an address of the hub, where clients may show certificates. */
  get listener(): ListenerTls {
    return listenerTls(this.options ?? {}, this.#set?.material.clients ?? null);
  }

  /** Reads what settings name, and changes nothing. Throws `certificate_invalid`. */
  prepare(settings: ReloadedTls | null): PreparedTls {
    const files = new FileStamps(tlsFilesOf(settings));
    return { settings, set: loadTlsSet(settings, `${this.door}.tls`), files };
  }

  /** Uses what was read, or what replaced it since. */
  commit(prepared: PreparedTls): void {
    const { settings, set, files } = this.#latest(prepared);
    if (this.#set !== null && !isSameSet(set, this.#set)) this.replacements++;
    this.#settings = settings;
    this.#set = set;
    if (!this.#isStarted) return;
    this.#warn();
    this.#lookAfter(files);
  }

  /** Reads the same files again; what cannot be used is told, and changes nothing. */
  refresh(): void {
    try {
      const prepared = this.prepare(this.#settings);
      if (isSameSet(prepared.set, this.#set)) return;
      this.commit(prepared);
      this.#logger.info("Certificates were replaced; those who are connected go on with the old ones", {
        door: this.door,
      });
    } catch (error) {
      this.failures++;
      this.#logger.error("Cannot use the new certificates; the old ones stay", { error: messageOf(error) });
    }
  }

  /** What waited for others is not to undo what came meanwhile. */
  #latest(prepared: PreparedTls): PreparedTls {
    if (prepared.files.isCurrent) return prepared;
    try {
      return this.prepare(prepared.settings);
    } catch {
      // It may be written right now: the watch looks at it again, and tells what is wrong.
      return prepared;
    }
  }

  #leave(): void {
    this.#watch?.stop();
    this.#watch = null;
    clearInterval(this.#again);
  }

  #lookAfter(files: FileStamps): void {
    this.#leave();
    const settings = this.#settings;
    if (settings?.reload.auto !== true || this.#set === null) return;
    const refresh = () => this.refresh();
    this.#watch = new FileWatch(files, { everyMs: WATCH_MS, changed: refresh });
    this.#again = setInterval(refresh, settings.reload.interval);
  }

  #warn(): void {
    const seconds = this.secondsLeft;
    if (seconds === null || seconds > WARN_DAYS * DAY_SECONDS) return;
    const isOver = seconds < 0;
    this.#logger.warning(
      isOver
        ? "A certificate is no longer valid: clients refuse it; replace its file"
        : "A certificate ends soon; replace its file",
      { door: this.door, days: Math.floor(seconds / DAY_SECONDS) },
    );
  }
}

function isSameSet(one: TlsSet | null, other: TlsSet | null): boolean {
  const idOf = (set: TlsSet | null) =>
    set === null ? "" : [set.material, ...set.byHost.values()].map(({ id }) => id).join();
  return idOf(one) === idOf(other);
}
