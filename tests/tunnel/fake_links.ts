/** Connections of agents as the registry of tunnels sees them, without a wire. */
import { type Principal } from "../../src/core/principal.ts";
import { type Rights, USER_RIGHTS } from "../../src/core/rights.ts";
import type { AgentLink } from "../../src/tunnel/frame_services.ts";
import type { TunnelResponse } from "../../src/wire/frame_payloads.ts";

/** Who has a connection. */
export interface FakeLinkOptions {
  readonly agentId?: string;
  /** `null`: nobody logged in. */
  readonly account?: string | null;
  readonly tenant?: string;
  readonly session?: string;
  /** Tunnels that its rights allow; without it, all. */
  readonly tunnels?: readonly string[];
  readonly isAdmin?: boolean;
}

let lastId = 0;

/** One connection. */
export class FakeLink implements AgentLink {
  readonly id = `link-${++lastId}`;
  readonly name: { tenant: string; account: string; agentId: string };
  readonly session: string;
  readonly features = new Set<string>();
  readonly roundTripMs = null;
  readonly quota = null;
  readonly told: TunnelResponse[] = [];
  principal: Principal | null;
  streams = 0;
  isUsable = true;

  constructor(options: FakeLinkOptions = {}) {
    const { agentId = "edge", account = "acme", tenant = "default", session = "s1" } = options;
    this.name = { tenant, account: account ?? "anonymous", agentId };
    this.session = session;
    this.principal = { subject: "anonymous", tenant, account, rights: rightsOf(options), expiresAtMs: null };
  }

  get origin() {
    return { address: "192.0.2.1", connectionId: this.id, who: this.principal };
  }

  open(): "closed" {
    return "closed";
  }

  tell(response: TunnelResponse): void {
    this.told.push(response);
  }
}

function rightsOf({ tunnels, isAdmin = false }: FakeLinkOptions): Rights {
  if (tunnels === undefined) return { ...USER_RIGHTS, isAdmin };
  return { ...USER_RIGHTS, isAdmin, allowsTunnel: (name) => tunnels.includes(name) };
}
