import assert from "node:assert/strict";
import fc from "fast-check";
import { AgentPools } from "../../src/tunnel/agent_pools.ts";
import type { ListenRefusal } from "../../src/tunnel/tcp_listener.ts";
import type { Tunnel, TunnelRefusal } from "../../src/tunnel/tunnel.ts";
import { MAX_AGENT_TUNNELS, TunnelRegistry } from "../../src/tunnel/tunnel_registry.ts";
import type { RegisterTunnel } from "../../src/wire/frame_payloads.ts";
import { quotasOf } from "../helpers/quotas.ts";
import { FakeLink, type FakeLinkOptions } from "./fake_links.ts";

const LEASE_MS = 60_000;

/** A registry with ports 100 to 104, and doors that open where nobody else listens. */
function setUp({ maxPerAccount = 0, ports = { first: 100, last: 104 } } = {}) {
  const clock = { ms: 0, now: () => clock.ms };
  const wallClock = { ms: 1e12, now: () => wallClock.ms };
  const { quotas } = quotasOf({ account: { tunnels: maxPerAccount } });
  const pools = new AgentPools();
  const open = new Map<number, Tunnel>();
  const busy = new Set<number>();
  let calls = 0;
  const registry = new TunnelRegistry({
    settings: { domain: "apps.example", ports },
    pools,
    doors: {
      open: (tunnel): Promise<ListenRefusal | null> => {
        const port = tunnel.port ?? 0;
        if (busy.has(port) || open.has(port)) return Promise.resolve("in_use");
        open.set(port, tunnel);
        return Promise.resolve(null);
      },
      close: (tunnel) => {
        if (open.get(tunnel.port ?? 0) === tunnel) open.delete(tunnel.port ?? 0);
        return Promise.resolve();
      },
    },
    clock,
    wallClock,
    leaseMs: LEASE_MS,
    quota: {
      refusal: (owner) => quotas.refusal(owner, "tunnels"),
      count: (owner, change) => quotas.count(owner, "tunnels", change),
    },
    urlOf: ({ host, port }) => host ?? `tcp://hub:${port}`,
    random: () => (calls++ * 0.618) % 1,
  });
  const join = (options: FakeLinkOptions = {}) => {
    const link = new FakeLink(options);
    const before = pools.join(link);
    if (before !== null) forget(before.name, before.session);
    return link;
  };
  const forget = (name: FakeLink["name"], session: string) => {
    for (const tunnel of registry.ofAgent(name)) {
      if (tunnel.session === session) registry.remove(tunnel, { isGivenBack: false });
    }
  };
  const leave = (link: FakeLink) => {
    const pool = pools.leave(link);
    if (pool !== null) forget(pool.name, pool.session);
  };
  const ask = (link: FakeLink, request: Partial<RegisterTunnel> = {}) =>
    registry.register({ requestId: "r", kind: "tcp", ...request }, link);
  return { registry, clock, wallClock, open, busy, join, leave, ask };
}

function granted(outcome: Tunnel | TunnelRefusal): Tunnel {
  assert.ok(!("code" in outcome), JSON.stringify(outcome));
  return outcome;
}

function refused(outcome: Tunnel | TunnelRefusal): string {
  assert.ok("code" in outcome, "it was granted");
  return outcome.code;
}

Deno.test("Tunnel registry: ports in turn, host names at random, what is asked for where it is free", async () => {
  const { registry, join, ask, open, wallClock } = setUp();
  const link = join();
  const first = granted(await ask(link, { name: "a", localAddr: "127.0.0.1:1" }));
  assert.deepEqual([first.port, first.url, first.localAddr, first.createdAtMs], [
    100,
    "tcp://hub:100",
    "127.0.0.1:1",
    wallClock.ms,
  ]);
  assert.equal(granted(await ask(link, { name: "b" })).port, 101);
  assert.equal(granted(await ask(link, { name: "c", remotePort: 9 })).port, 9);
  const host = granted(await ask(link, { name: "d", kind: "http" }));
  assert.match(host.host ?? "", /^[a-z]+-[a-z]+-\d+\.apps\.example$/);
  const own = granted(await ask(link, { name: "e", kind: "http", subdomain: "Shop" }));
  assert.equal(own.host, "shop.apps.example");
  assert.equal(registry.atHost("shop.apps.example"), own);
  assert.deepEqual([...open.keys()].sort(), [100, 101, 9].sort());
  assert.deepEqual(registry.ofAgent(link.name).map(({ name }) => name), ["a", "b", "c", "d", "e"]);
  assert.equal(registry.find(own.id), own);
  assert.equal(registry.size, 5);
  registry.remove(own, { isGivenBack: true });
  assert.equal(registry.atHost("shop.apps.example"), undefined, "what was given back is nobody's");
});

Deno.test("Tunnel registry: the same tunnel once more is the same, also by the port that the hub chose", async () => {
  const { registry, join, ask } = setUp();
  const link = join();
  const first = granted(await ask(link, { name: "a" }));
  assert.equal(granted(await ask(link, { name: "a" })), first);
  assert.equal(granted(await ask(link, { name: "a", remotePort: 100 })), first);
  const moved = granted(await ask(link, { name: "a", remotePort: 104 }));
  assert.deepEqual([moved.port, registry.size], [104, 1], "another port is another tunnel in its place");
});

Deno.test("Tunnel registry: a name is kept for its account, and is free after its time", async () => {
  const { registry, clock, wallClock, join, leave, ask } = setUp();
  const owner = join({ session: "1" });
  granted(await ask(owner, { name: "a", remotePort: 9 }));
  granted(await ask(owner, { name: "b", kind: "http", subdomain: "shop" }));
  const thief = join({ agentId: "thief", account: "other" });
  assert.equal(refused(await ask(thief, { remotePort: 9 })), "port_taken");
  leave(owner);
  assert.equal(registry.size, 0);
  assert.equal(registry.atHost("shop.apps.example"), "away");
  assert.equal(refused(await ask(thief, { remotePort: 9 })), "port_taken");
  assert.equal(refused(await ask(thief, { kind: "http", subdomain: "shop" })), "name_taken");
  // A clock on the wall that jumps changes nothing.
  for (const jump of [1e9, -2e9]) {
    wallClock.ms += jump;
    assert.equal(refused(await ask(thief, { remotePort: 9 })), "port_taken");
  }
  clock.ms = LEASE_MS - 1;
  const back = join({ session: "2" });
  assert.equal(granted(await ask(back, { name: "a", remotePort: 9 })).port, 9);
  leave(back);
  clock.ms += LEASE_MS - 1;
  assert.equal(refused(await ask(thief, { remotePort: 9 })), "port_taken");
  clock.ms += 1;
  assert.equal(granted(await ask(thief, { remotePort: 9 })).port, 9);
});

Deno.test("Tunnel registry: a restarted agent gets the port that the hub chose for it, nobody else does", async () => {
  const { join, leave, ask } = setUp();
  const one = join({ agentId: "one" });
  const two = join({ agentId: "two" });
  assert.equal(granted(await ask(one, { name: "a" })).port, 100);
  leave(one);
  const ports = [];
  for (const name of ["a", "b", "c", "d"]) ports.push(granted(await ask(two, { name })).port);
  assert.deepEqual(ports, [101, 102, 103, 104]);
  assert.equal(refused(await ask(two, { name: "e" })), "port_taken");
  assert.equal(granted(await ask(join({ agentId: "one", session: "2" }), { name: "a" })).port, 100);
});

Deno.test("Tunnel registry: another session of an agent has its names, and the old one's tunnels are gone", async () => {
  const { registry, join, leave, ask } = setUp();
  const old = join({ session: "1" });
  granted(await ask(old, { name: "a", remotePort: 9 }));
  const next = join({ session: "2" });
  assert.equal(registry.size, 0);
  assert.equal(refused(await ask(old, { name: "a", remotePort: 9 })), "server_unavailable");
  granted(await ask(next, { name: "a", remotePort: 9 }));
  leave(old);
  assert.equal(registry.size, 1, "the end of the old connection is not that of the new one's tunnels");
});

Deno.test("Tunnel registry: what another program has is refused, and passed over where any will do", async () => {
  const { busy, join, ask } = setUp();
  busy.add(9).add(100);
  const link = join();
  assert.equal(refused(await ask(link, { remotePort: 9 })), "port_taken");
  assert.equal(granted(await ask(link, { name: "a" })).port, 101);
  busy.delete(9);
  assert.equal(
    granted(await ask(link, { name: "b", remotePort: 9 })).port,
    9,
    "a refusal leaves no claim behind",
  );
});

Deno.test("Tunnel registry: names need a right, which anonymous agents have inside the range and domain only", async () => {
  const { join, ask } = setUp();
  const limited = join({ agentId: "limited", tunnels: ["9", "shop", "db", "other.example"] });
  assert.equal(refused(await ask(limited, { remotePort: 10 })), "name_not_allowed");
  assert.equal(refused(await ask(limited, { kind: "http", subdomain: "x" })), "name_not_allowed");
  assert.equal(refused(await ask(limited, { kind: "http", hostname: "example.org" })), "name_not_allowed");
  assert.equal(refused(await ask(limited, { name: "x" })), "name_not_allowed");
  granted(await ask(limited, { name: "a", remotePort: 9 }));
  granted(await ask(limited, { name: "b", kind: "http", subdomain: "shop" }));
  granted(await ask(limited, { name: "c", kind: "http", hostname: "Other.Example." }));
  granted(await ask(limited, { name: "db" }));
  const nobody = join({ agentId: "nobody", account: null });
  assert.equal(refused(await ask(nobody, { remotePort: 10 })), "name_not_allowed");
  assert.equal(refused(await ask(nobody, { kind: "http", hostname: "example.org" })), "name_not_allowed");
  granted(await ask(nobody, { name: "a", remotePort: 103 }));
  granted(await ask(nobody, { name: "b", kind: "http", subdomain: "nobody" }));
  granted(await ask(join({ agentId: "operator", account: null, isAdmin: true }), { remotePort: 10 }));
});

Deno.test("Tunnel registry: requests that make no sense are told what is wrong", async () => {
  const { join, ask } = setUp();
  const link = join();
  const cases: [Partial<RegisterTunnel>, string][] = [
    [{ kind: "udp" }, "unsupported_kind"],
    [{ kind: "tun" }, "unsupported_kind"],
    [{ name: "a b" }, "invalid_tunnel_info"],
    [{ name: "-a" }, "invalid_tunnel_info"],
    [{ subdomain: "a" }, "invalid_tunnel_info"],
    [{ kind: "http", remotePort: 1 }, "invalid_tunnel_info"],
    [{ kind: "http", subdomain: "a.b" }, "invalid_tunnel_info"],
    [{ kind: "http", subdomain: "a", hostname: "b.example" }, "invalid_tunnel_info"],
    [{ kind: "http", hostname: "127.0.0.1" }, "invalid_tunnel_info"],
  ];
  for (const [request, code] of cases) {
    assert.equal(refused(await ask(link, request)), code, JSON.stringify(request));
  }
});

Deno.test("Tunnel registry: an account, and an agent, have so many and no more", async () => {
  const few = setUp({ maxPerAccount: 2 });
  const link = few.join();
  for (const name of ["a", "b"]) granted(await few.ask(link, { name }));
  assert.equal(refused(await few.ask(link, { name: "c" })), "tenant_limit_reached");
  assert.equal(refused(await few.ask(few.join({ agentId: "two" }), { name: "c" })), "tenant_limit_reached");
  granted(await few.ask(few.join({ agentId: "two", account: "other" }), { name: "c" }));
  const many = setUp({ ports: { first: 1000, last: 3000 } });
  const greedy = many.join();
  const all = Array.from({ length: 1100 }, (_, at) => many.ask(greedy, { name: `t${at}` }));
  const outcomes = (await Promise.all(all)).map((outcome) => "code" in outcome ? outcome.code : "ok");
  const counts = Object.groupBy(outcomes, (code) => code);
  assert.equal(counts["ok"]?.length, MAX_AGENT_TUNNELS);
  assert.equal(
    (counts["rate_limit_exceeded"]?.length ?? 0) + (counts["tenant_limit_reached"]?.length ?? 0),
    100,
  );
});

/** What a random sequence does. */
type Step =
  | { readonly kind: "join" | "leave"; readonly agent: number }
  | { readonly kind: "ask"; readonly agent: number; readonly name: string; readonly port: number | null }
  | { readonly kind: "back"; readonly agent: number }
  | { readonly kind: "wait"; readonly ms: number };

const agentNumber = fc.integer({ min: 0, max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom("join" as const, "leave" as const), agent: agentNumber }),
  fc.record({
    kind: fc.constant("ask" as const),
    agent: agentNumber,
    name: fc.constantFrom("a", "b"),
    port: fc.option(fc.integer({ min: 100, max: 104 })),
  }),
  fc.record({ kind: fc.constant("back" as const), agent: agentNumber }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1000, LEASE_MS) }),
);

Deno.test("Tunnel registry: whatever happens, a port has one tunnel, and no other account gets it before its time", async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
    const { registry, clock, open, join, leave, ask } = setUp();
    const links = new Map<number, FakeLink>();
    /** Until when a port is its account's. */
    const kept = new Map<number, { account: string; untilMs: number }>();
    const accountOf = (agent: number) => agent < 2 ? "acme" : "other";
    let session = 0;
    for (const one of steps) {
      if (one.kind === "wait") clock.ms += one.ms;
      else if (one.kind === "join" && !links.has(one.agent)) {
        const options = { agentId: `a${one.agent}`, account: accountOf(one.agent), session: `${session++}` };
        links.set(one.agent, join(options));
      }
      const link = "agent" in one ? links.get(one.agent) : undefined;
      if (link === undefined) continue;
      const { account } = link.name;
      if (one.kind === "leave") {
        for (const { port } of registry.ofAgent(link.name)) {
          if (port !== null) kept.set(port, { account, untilMs: clock.ms + LEASE_MS });
        }
        leave(link);
        if ("agent" in one) links.delete(one.agent);
      } else if (one.kind === "back") {
        for (const tunnel of registry.ofAgent(link.name)) registry.remove(tunnel, { isGivenBack: true });
      } else if (one.kind === "ask") {
        const remotePort = one.port === null ? {} : { remotePort: one.port };
        const outcome = await ask(link, { name: one.name, ...remotePort });
        if ("code" in outcome) continue;
        const keeper = kept.get(outcome.port ?? 0);
        const isTheirs = keeper !== undefined && keeper.account !== account && keeper.untilMs > clock.ms;
        assert.ok(!isTheirs, `port ${outcome.port} was taken from ${keeper?.account}`);
        kept.delete(outcome.port ?? 0);
        if (one.port !== null) assert.equal(outcome.port, one.port);
      }
      const ports = [...registry.all()].map(({ port }) => port);
      assert.equal(new Set(ports).size, ports.length);
      assert.deepEqual([...open.keys()].sort(), ports.sort());
      assert.equal(registry.size, ports.length);
    }
    for (const link of links.values()) leave(link);
    assert.equal(registry.size, 0);
    assert.equal(open.size, 0);
  }));
});
