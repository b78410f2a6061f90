/**
 * What the broker does, as plain numbers that the metrics read when they are collected.
 */
import { BROKER_ERROR_CODES, type BrokerErrorCode } from "./broker_error.ts";
import { ServiceStats } from "./service_stats.ts";

/** Why there is no answer to a request that was sent on. */
export type RequestFailure = "TIMEOUT" | "SERVICE_UNAVAILABLE";

/** Counters of one hub's broker, all tenants together. */
export class BrokerStats {
  /** Publishes that were routed, whether or not somebody was subscribed. */
  published = 0;
  /** Publishes that nobody was subscribed to. */
  unmatched = 0;
  /** Publishes queued for a subscriber, each subscriber counted. */
  delivered = 0;
  /** Subscribers that were told that they lost messages. */
  gapNotices = 0;
  /** Requests that were sent on to a service. */
  requests = 0;
  /** Answers of services that reached those who asked. */
  responses = 0;
  /** Answers that came when nobody waited any more. */
  lateResponses = 0;
  /** Messages that were shown to those who tap. */
  tapped = 0;
  /** Lines of the log, for each listener that wanted them: shown, or over what he may be shown. */
  readonly logLines = { delivered: 0, dropped: 0 };
  /** Events about who comes and goes, and those that were too many to be told. */
  readonly presenceEvents = { join: 0, leave: 0, lost: 0 };
  /** Requests that were sent on and whose origin was told that there is no answer, by what it was told. */
  readonly failedRequests: Record<RequestFailure, number> = { TIMEOUT: 0, SERVICE_UNAVAILABLE: 0 };
  /** Publishes that came before and were answered as they were then. */
  duplicates = 0;
  /** Publishes that were refused because their tenant has too many retained values. */
  retainedRefused = 0;
  /** Messages that were kept but could not be made safe. */
  unsafe = 0;
  /** Replays that were asked for, those of which something was gone, and messages that were sent by them. */
  readonly replays = { started: 0, unrecovered: 0, gaps: 0, messages: 0 };
  /** Retained values that were sent to who subscribed. */
  retainedSent = 0;
  readonly services = new ServiceStats();
  /** Messages that were answered with an error, by its code. */
  readonly errors = new Map<BrokerErrorCode, number>(BROKER_ERROR_CODES.map((code) => [code, 0]));

  /** Counts an error. */
  answered(code: BrokerErrorCode): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }
}
