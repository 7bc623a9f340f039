/**
 * ww: overwrites; wr: is read by; rw: read what the other then overwrote; rt: had ended before the other began.
 */
export interface Edge {
  readonly to: number;
  readonly kind: "ww" | "wr" | "rw" | "rt";
}

export type Graph = Edge[][];

export interface CycleEdge {
  readonly from: number;
  readonly kind: Edge["kind"];
}

/** Visits for which a shorter cycle is looked for once one is known. */
const visitLimit = 3_000_000;

/** A shortest closed walk with at most `most` rw edges (counted up to 2), or null. In huge tangles a short one. */
export function shortestCycle(
  graph: readonly (readonly Edge[])[],
  most: number,
): readonly CycleEdge[] | null {
  let best: readonly CycleEdge[] | null = null;
  let visits = 0;
  const tangles = tanglesOf(graph).sort((a, b) => a.length - b.length);
  for (const nodes of tangles) {
    const inside = new Set(nodes);
    for (const start of nodes) {
      if (best !== null && (best.length <= 2 || visits > visitLimit)) return best;
      const found = cycleFrom(graph, inside, start, most, best?.length ?? Number.POSITIVE_INFINITY);
      visits += found.visits;
      best = found.cycle ?? best;
    }
  }
  return best;
}

/** Strongly connected components of two nodes and more (Tarjan, without recursion): every cycle lies inside of one. */
function tanglesOf(graph: readonly (readonly Edge[])[]): number[][] {
  const unvisited = -1;
  const index = new Int32Array(graph.length).fill(unvisited);
  const low = new Int32Array(graph.length);
  const next = new Int32Array(graph.length);
  const isOpen = new Uint8Array(graph.length);
  const open: number[] = [];
  const tangles: number[][] = [];
  let count = 0;
  const enter = (node: number, path: number[]): void => {
    index[node] = low[node] = count++;
    isOpen[node] = 1;
    open.push(node);
    path.push(node);
  };
  const close = (root: number): void => {
    const members: number[] = [];
    for (let node = -1; node !== root; ) {
      node = open.pop()!;
      isOpen[node] = 0;
      members.push(node);
    }
    if (members.length > 1) tangles.push(members);
  };
  for (let root = 0; root < graph.length; root++) {
    if (index[root] !== unvisited) continue;
    const path: number[] = [];
    enter(root, path);
    while (path.length > 0) {
      const node = path.at(-1)!;
      const edge = graph[node]![next[node]!++];
      if (edge !== undefined) {
        if (index[edge.to] === unvisited) enter(edge.to, path);
        else if (isOpen[edge.to] === 1) low[node] = Math.min(low[node]!, index[edge.to]!);
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (parent !== undefined) low[parent] = Math.min(low[parent]!, low[node]!);
      if (low[node] === index[node]) close(node);
    }
  }
  return tangles;
}

interface Visit {
  readonly at: number;
  readonly rw: number;
  readonly length: number;
  readonly before: Visit | null;
  readonly kind: Edge["kind"] | null;
}

/** Breadth first, among `inside` alone; only cycles of fewer than `below` edges. */
function cycleFrom(
  graph: readonly (readonly Edge[])[],
  inside: ReadonlySet<number>,
  start: number,
  most: number,
  below: number,
): { readonly cycle: readonly CycleEdge[] | null; readonly visits: number } {
  const seen = new Set<number>();
  const queue: Visit[] = [{ at: start, rw: 0, length: 0, before: null, kind: null }];
  for (const visit of queue) {
    if (visit.length + 1 >= below) break;
    for (const { to, kind } of graph[visit.at]!) {
      const rw = Math.min(2, visit.rw + (kind === "rw" ? 1 : 0));
      if (rw > most || !inside.has(to)) continue;
      if (to === start) return { cycle: walkOf(visit, kind), visits: queue.length };
      const id = to * 3 + rw;
      if (seen.has(id)) continue;
      seen.add(id);
      queue.push({ at: to, rw, length: visit.length + 1, before: visit, kind });
    }
  }
  return { cycle: null, visits: queue.length };
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
