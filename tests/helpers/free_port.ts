/** Ports for who has to name them before anybody listens there. */

/**
 * Below the ports that systems give out by themselves (Linux: from 32768, others from 49152), so that no other test gets
 * one of them by chance meanwhile, and above those that hubs give to tunnels.
 */
const [FIRST, COUNT] = [21_000, 11_000];

const given = new Set<number>();

/** The first of so many ports of loopback in a row on which nobody listens; each is given once. */
export function freePort(count = 1): number {
  for (;;) {
    const first = FIRST + Math.floor(Math.random() * (COUNT - count));
    const ports = Array.from({ length: count }, (_, at) => first + at);
    if (ports.some((port) => given.has(port) || isTaken(port))) continue;
    for (const port of ports) given.add(port);
    return first;
  }
}

function isTaken(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return true;
    throw error;
  }
}
