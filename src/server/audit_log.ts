/**
 * The audit log of one hub, as `logging.audit` says: the trail of its security events, and the file that they go to.
 * Without a file events are counted only.
 */
import { auditLine, AuditTrail } from "../auth/audit_trail.ts";
import type { Logger } from "../core/ports.ts";
import type { SecurityEvents } from "../core/security_event.ts";
import type { MetricSample } from "../metrics/metric_table.ts";
import type { MetricSource } from "../metrics/metrics.ts";
import { AuditOutput, type AuditWriter } from "./audit_output.ts";
import { openAppendedFile } from "./log_output.ts";

const FLUSH_INTERVAL_MS = 60_000;
/** Nobody but the hub's user reads who logged in from where. */
const FILE_MODE = 0o600;

/** One audit log. */
export class AuditLog implements MetricSource {
  readonly #target: string | null;
  readonly #logger: Logger;
  readonly #trail: AuditTrail;
  #output: AuditOutput | null = null;
  #linesLostBefore = 0;
  #timer: ReturnType<typeof setInterval> | null = null;

  /** `target` is `stdout`, the path of a file, or `null`. */
  constructor(target: string | null, logger: Logger) {
    this.#target = target;
    this.#logger = logger;
    const sink = { write: (line: string) => this.#output?.write(line) };
    this.#trail = new AuditTrail({ sink: target === null ? null : sink });
  }

  /** Takes what is to be recorded; nothing is written before the start and after the stop. */
  get events(): SecurityEvents {
    return this.#trail;
  }

  /** Opens the file. Throws a `TrunklineError` when it cannot be written. */
  start(): void {
    const target = this.#target;
    if (target === null) return;
    const open = () => openAuditWriter(target);
    this.#output = new AuditOutput({ open, logger: this.#logger });
    this.#output.write(auditLine({ kind: "started" }, Date.now()));
    this.#timer = setInterval(() => this.#trail.flush(), FLUSH_INTERVAL_MS);
  }

  /** Opens the file anew, after somebody gave the old one another name. */
  reopen(): void {
    this.#output?.reopen();
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#trail.flush();
    const output = this.#output;
    output?.write(auditLine({ kind: "stopped" }, Date.now()));
    await output?.close();
    this.#linesLostBefore += output?.linesLost ?? 0;
    this.#output = null;
  }

  *samples(): Iterable<MetricSample> {
    for (const [kind, value] of this.#trail.counts()) {
      yield { name: "trunkline_security_events_total", labels: { kind }, value };
    }
    const linesLost = this.#linesLostBefore + (this.#output?.linesLost ?? 0);
    yield { name: "trunkline_audit_lines_lost_total", value: linesLost };
  }
}

function openAuditWriter(target: string): AuditWriter {
  if (target === "stdout") return { write: (bytes) => Deno.stdout.write(bytes), close: () => {} };
  return openAppendedFile({ path: target, setting: "logging.audit", what: "the audit log", mode: FILE_MODE });
}
