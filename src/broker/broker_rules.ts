/** What of a broker can change while it runs: who is connected is treated by it from then on. */
import type { BrokerLimits } from "./broker_parts.ts";
import type { TopicPolicy, TopicRate } from "./topic_policies.ts";

/** The rules of now. */
export interface BrokerRules {
  readonly topics: readonly TopicPolicy[];
  readonly topicRates: readonly TopicRate[];
  /** For topics without a rate of their own, in messages a second; 0: without a limit. */
  readonly ratePerTopic: number;
  /** The most requests of a tenant that wait for their answers. */
  readonly maxOutstandingRequests: number;
  readonly limits: Pick<BrokerLimits, "maxMalformed" | "maxSubscriptions" | "ratePerService">;
}

/** The limits of connections, of which some can change. */
export class LiveLimits implements BrokerLimits {
  readonly maxPayloadBytes: number;
  readonly maxMessageBytes: number;
  readonly maxTimeoutMs: number;
  maxMalformed: number;
  maxSubscriptions: number;
  ratePerService: number;

  constructor(limits: BrokerLimits) {
    this.maxPayloadBytes = limits.maxPayloadBytes;
    this.maxMessageBytes = limits.maxMessageBytes;
    this.maxTimeoutMs = limits.maxTimeoutMs;
    this.maxMalformed = limits.maxMalformed;
    this.maxSubscriptions = limits.maxSubscriptions;
    this.ratePerService = limits.ratePerService;
  }

  change({ maxMalformed, maxSubscriptions, ratePerService }: BrokerRules["limits"]): void {
    this.maxMalformed = maxMalformed;
    this.maxSubscriptions = maxSubscriptions;
    this.ratePerService = ratePerService;
  }
}
