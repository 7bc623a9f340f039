import type { Graph } from "./cycles.js";
import type { Operation } from "./operation.js";
import { endOf } from "./sweep.js";

/**
 * Adds an rt edge from what had ended to what began later. Pairs that others imply are left out, so that each operation
 * gets as many as there were processes, not as many as there were operations. Refused operations take no part.
 */
export function addRealTimeEdges(operations: readonly Operation[], graph: Graph): void {
  const events = operations.flatMap((operation, at) => {
    if (operation.outcome === "fail") return [];
    const begin = { at, isEnd: false, atNs: operation.invokedNs };
    const endNs = endOf(operation);
    return Number.isFinite(endNs) ? [begin, { at, isEnd: true, atNs: endNs }] : [begin];
  });
  // Equal times count as overlapping.
  events.sort((a, b) => a.atNs - b.atNs || Number(a.isEnd) - Number(b.isEnd));
  let latest: number[] = [];
  for (const { at, isEnd } of events) {
    if (!isEnd) {
      for (const from of latest) graph[from]!.push({ to: at, kind: "rt" });
      continue;
    }
    const beganNs = operations[at]!.invokedNs;
    latest = latest.filter((before) => endOf(operations[before]!) >= beganNs);
    latest.push(at);
  }
}
