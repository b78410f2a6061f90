/**
 * Finds import cycles in a graph of files. Each group of files that reach one another is reported once, by a
 * shortest way around it, so that one new import gives one message.
 */

/** Which files each file imports. */
export type ImportGraph = ReadonlyMap<string, ReadonlySet<string>>;

/** One shortest cycle of each group, without its first file again at the end. */
export function findCycles(graph: ImportGraph): string[][] {
  const cycles: string[][] = [];
  const reported = new Set<string>();
  for (const file of [...graph.keys()].sort()) {
    if (reported.has(file)) continue;
    const cycle = shortestWay(graph, file, file);
    if (cycle === null) continue;
    cycles.push(cycle);
    for (const member of graph.keys()) {
      if (shortestWay(graph, file, member) !== null && shortestWay(graph, member, file) !== null) {
        reported.add(member);
      }
    }
  }
  return cycles;
}

/** The files from `start` on to the one that imports `target`, or `null` when none leads there. */
function shortestWay(graph: ImportGraph, start: string, target: string): string[] | null {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const file of queue) {
    for (const next of graph.get(file) ?? []) {
      if (next === target) return wayBack(cameFrom, start, file);
      if (next === start || cameFrom.has(next)) continue;
      cameFrom.set(next, file);
      queue.push(next);
    }
  }
  return null;
}

function wayBack(cameFrom: ReadonlyMap<string, string>, start: string, end: string): string[] {
  const way = [end];
  for (let file = end; file !== start;) {
    file = cameFrom.get(file) ?? start;
    way.unshift(file);
  }
  return way;
}
