/** What an agent calls itself when nobody says. */

const MAX_LENGTH = 63;
const SUFFIX_LENGTH = 6;
const NAMELESS = "agent";

/** The name of the machine, made fit for an id; the system is asked. */
export function machineId(hostname: string = Deno.hostname()): string {
  const fit = hostname.replace(/[^A-Za-z0-9_.-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, MAX_LENGTH);
  return fit === "" ? NAMELESS : fit;
}

/** The id of an agent that lives as long as one command, so that several may run on a machine. */
export function passingId(hostname?: string): string {
  const random = crypto.randomUUID().slice(0, SUFFIX_LENGTH);
  return `${machineId(hostname).slice(0, MAX_LENGTH - SUFFIX_LENGTH - 1)}-${random}`;
}
