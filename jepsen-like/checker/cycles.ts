/** ww: overwrites; wr: is read by; rw: read what the other then overwrote. */
export interface Edge {
  readonly to: number;
  readonly kind: "ww" | "wr" | "rw";
}

export type Graph = Edge[][];

export interface CycleEdge {
  readonly from: number;
  readonly kind: Edge["kind"];
}

/** A shortest closed walk with at most `most` rw edges (counted up to 2), or null. */
export function shortestCycle(
  graph: readonly (readonly Edge[])[],
  most: number,
): readonly CycleEdge[] | null {
  let best: readonly CycleEdge[] | null = null;
  for (let start = 0; start < graph.length; start++) {
    const cycle = cycleFrom(graph, start, most);
    if (cycle !== null && (best === null || cycle.length < best.length)) best = cycle;
  }
  return best;
}

interface Visit {
  readonly at: number;
  readonly rw: number;
  readonly before: Visit | null;
  readonly kind: Edge["kind"] | null;
}

function cycleFrom(
  graph: readonly (readonly Edge[])[],
  start: number,
  most: number,
): readonly CycleEdge[] | null {
  const seen = new Set<string>();
  const queue: Visit[] = [{ at: start, rw: 0, before: null, kind: null }];
  for (const visit of queue)
    for (const { to, kind } of graph[visit.at]!) {
      const rw = Math.min(2, visit.rw + (kind === "rw" ? 1 : 0));
      if (rw > most) continue;
      if (to === start) return walkOf(visit, kind);
      const id = `${to} ${rw}`;
      if (seen.has(id)) continue;
      seen.add(id);
      queue.push({ at: to, rw, before: visit, kind });
    }
  return null;
}

function walkOf(end: Visit, kind: Edge["kind"]): readonly CycleEdge[] {
  const edges: CycleEdge[] = [];
  let out: Edge["kind"] = kind;
  for (let visit: Visit | null = end; visit !== null; visit = visit.before) {
    edges.push({ from: visit.at, kind: out });
    out = visit.kind ?? out;
  }
  return edges.reverse();
}
