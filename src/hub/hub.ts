/**
 * Members and what all of them get. `register`, `unregister` and `broadcast` are one ordered sequence: every
 * member sees the broadcasts in the same order, from the first after its registration to the last before its
 * unregistration, even when one of them is called from inside another.
 */
import type { Channel, PushResult } from "../core/delivery.ts";
import type { OutgoingMessage } from "../core/transport.ts";

/** Somebody who gets broadcasts. */
export interface HubMember {
  /** Unique among the members. */
  readonly id: string;
  publish(message: OutgoingMessage, channel: Channel): PushResult;
}

/** One broadcast. */
export interface Broadcast<M> {
  readonly message: OutgoingMessage;
  readonly channel: Channel;
  /** Who does not get it. */
  readonly except: M | null;
}

interface Pending<M> extends Broadcast<M> {
  /** Members that registered later do not get it. */
  readonly lastTicket: number;
}

/** A set of members with one order of events. */
export class Hub<M extends HubMember> {
  readonly #members = new Map<string, { readonly member: M; readonly ticket: number }>();
  readonly #waiting: Pending<M>[] = [];
  #tickets = 0;
  #broadcasting = false;

  /** How many members there are. */
  get size(): number {
    return this.#members.size;
  }

  /** Adds a member. `false` when a member of this id is there already: nothing changed. */
  register(member: M): boolean {
    if (this.#members.has(member.id)) return false;
    this.#members.set(member.id, { member, ticket: ++this.#tickets });
    return true;
  }

  /** Removes a member. `false` when this very member is not registered: nothing changed. */
  unregister(member: M): boolean {
    if (this.#members.get(member.id)?.member !== member) return false;
    return this.#members.delete(member.id);
  }

  /**
   * Sends one message to all members but `except`; gives the number of members. Called while another broadcast
   * runs, it waits for that one to reach everybody first.
   */
  broadcast({ message, channel, except }: Broadcast<M>): number {
    const size = this.#members.size;
    this.#waiting.push({ message, channel, except, lastTicket: this.#tickets });
    if (this.#broadcasting) return size;
    this.#broadcasting = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        this.#deliver(next);
      }
    } finally {
      this.#broadcasting = false;
    }
    return size;
  }

  #deliver({ message, channel, except, lastTicket }: Pending<M>): void {
    for (const { member, ticket } of this.#members.values()) {
      if (ticket > lastTicket) return;
      if (member !== except) member.publish(message, channel);
    }
  }
}
