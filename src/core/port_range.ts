/**
 * Ports and ranges of them as people write them. Pure; nothing here throws.
 */

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Every port that can be named. */
export const ALL_PORTS: PortRange = { first: 1, last: 65_535 };

/** Ports from `20000-20999` or a single `20000`, each 1 to 65535; null when it is none. */
export function parsePortRange(text: string): PortRange | null {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return null;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return first >= ALL_PORTS.first && last <= ALL_PORTS.last && first <= last ? { first, last } : null;
}
