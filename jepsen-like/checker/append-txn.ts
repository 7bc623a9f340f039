import { ruleChecker } from "./check.js";
import { type Graph, shortestCycle } from "./cycles.js";
import { ShapeError } from "./model.js";
import { canonical, describe, type Operation } from "./operation.js";

/** ["append", key, element] or ["read", key, list]; the list stands in the output alone. */
type Step = readonly ["append" | "read", string, unknown];

/**
 * Batches of appends and reads over several keys, each atomic (after Elle). `txn` input: steps, where a read has null;
 * output: the same steps with the lists read. Elements are unique per key. Found are lost, doubled and never written
 * elements, contradicting orders, reads of failed (G1a) or half-done (G1b) batches, and cycles of dependencies: of writes
 * (G0), of writes and reads (G1c), with one overwritten read (G-single), with more (G2). Real time counts only where a
 * read misses what was acknowledged before it began (lost, or stale): it makes no edges of its own.
 */
export const appendTxn = ruleChecker(
  "append-txn",
  findAnomalies,
  (operations) => new Map([[null, operations]]),
);

function stepsOf(operation: Operation): readonly Step[] {
  const steps = operation.outcome === "ok" ? operation.output : operation.input;
  const isStep = (step: unknown): step is Step =>
    Array.isArray(step) && (step[0] === "append" || step[0] === "read") && typeof step[1] === "string";
  if (!Array.isArray(steps) || !steps.every(isStep))
    throw new ShapeError(`not of model append-txn: ${describe(operation)}`);
  return steps;
}

interface Reading {
  readonly reader: number;
  readonly key: string;
  /** Canonical elements that others wrote: what the batch itself had appended is cut off. */
  readonly list: readonly string[];
}

function findAnomalies(operations: readonly Operation[]): readonly string[] {
  const problems: string[] = [];
  const writers = new Map<string, number>();
  const lastOf = new Map<string, string>();
  const readings: Reading[] = [];
  for (const [i, operation] of operations.entries())
    for (const [f, key, value] of stepsOf(operation)) {
      if (f !== "append") continue;
      const id = `${key} ${canonical(value)}`;
      if (writers.has(id)) throw new ShapeError(`element written twice: ${describe(operation)}`);
      writers.set(id, i);
      lastOf.set(`${i} ${key}`, id);
    }
  for (const [i, operation] of operations.entries())
    if (operation.outcome === "ok") readings.push(...readingsOf(i, operation, problems));
  const orders = new Map<string, readonly string[]>();
  for (const { key, list } of readings)
    if (list.length >= (orders.get(key)?.length ?? 0)) orders.set(key, list);
  const graph: Graph = operations.map(() => []);
  for (const { reader, key, list } of readings) {
    const order = orders.get(key)!;
    const shown = describe(operations[reader]!);
    if (new Set(list).size !== list.length) problems.push(`doubled element: ${shown}`);
    if (list.some((element, i) => order[i] !== element))
      problems.push(`contradicts another read's order: ${shown}`);
    for (const element of list) {
      const writer = writers.get(`${key} ${element}`);
      if (writer === undefined) problems.push(`never written, ${element}: ${shown}`);
      else if (operations[writer]!.outcome === "fail") problems.push(`G1a, ${element} was refused: ${shown}`);
    }
    const last = list.at(-1);
    if (last !== undefined) {
      const writer = writers.get(`${key} ${last}`);
      if (writer !== undefined && writer !== reader) {
        if (lastOf.get(`${writer} ${key}`) !== `${key} ${last}`)
          problems.push(`G1b, ${last} is half of a batch: ${shown}`);
        graph[writer]!.push({ to: reader, kind: "wr" });
      }
    }
    const next = writers.get(`${key} ${order[list.length]}`);
    if (next !== undefined && next !== reader) graph[reader]!.push({ to: next, kind: "rw" });
  }
  for (const [key, order] of orders)
    for (let i = 1; i < order.length; i++) {
      const [from, to] = [writers.get(`${key} ${order[i - 1]}`), writers.get(`${key} ${order[i]}`)];
      if (from !== undefined && to !== undefined && from !== to) graph[from]!.push({ to, kind: "ww" });
    }
  problems.push(...lostElements(operations, readings), ...cyclesOf(operations, graph));
  return problems;
}

function readingsOf(reader: number, operation: Operation, problems: string[]): readonly Reading[] {
  const own = new Map<string, string[]>();
  const readings: Reading[] = [];
  for (const [f, key, value] of stepsOf(operation)) {
    const appended = own.get(key) ?? [];
    if (f === "append") {
      own.set(key, [...appended, canonical(value)]);
      continue;
    }
    if (value !== null && !Array.isArray(value)) throw new ShapeError(`not a list: ${describe(operation)}`);
    const list = (value ?? []).map(canonical);
    const split = list.length - appended.length;
    if (split < 0 || appended.some((element, i) => list[split + i] !== element))
      problems.push(`internal, doesn't show its own appends: ${describe(operation)}`);
    else readings.push({ reader, key, list: list.slice(0, split) });
  }
  return readings;
}

/** Acknowledged, and not in a read that began later. */
function lostElements(operations: readonly Operation[], readings: readonly Reading[]): readonly string[] {
  const lost: string[] = [];
  const shown = new Map(readings.map((reading) => [reading, new Set(reading.list)]));
  for (const operation of operations) {
    if (operation.outcome !== "ok" || operation.completedNs === null) continue;
    for (const [f, key, value] of stepsOf(operation)) {
      if (f !== "append") continue;
      const without = readings.find(
        (reading) =>
          reading.key === key &&
          operations[reading.reader]!.invokedNs > operation.completedNs! &&
          !shown.get(reading)!.has(canonical(value)),
      );
      if (without !== undefined)
        lost.push(
          `lost ${canonical(value)} of ${describe(operation)}: ${describe(operations[without.reader]!)}`,
        );
    }
  }
  return lost;
}

const anomalies = [
  { name: "G0", kinds: ["ww"], most: 0 },
  { name: "G1c", kinds: ["ww", "wr"], most: 0 },
  { name: "G-single", kinds: ["ww", "wr", "rw"], most: 1 },
  { name: "G2", kinds: ["ww", "wr", "rw"], most: Number.POSITIVE_INFINITY },
] as const;

function cyclesOf(operations: readonly Operation[], graph: Graph): readonly string[] {
  for (const { name, kinds, most } of anomalies) {
    const some = graph.map((edges) =>
      edges.filter(({ kind }) => (kinds as readonly string[]).includes(kind)),
    );
    const cycle = shortestCycle(some, most);
    if (cycle === null) continue;
    const lines = cycle.map(({ from, kind }) => `  ${describe(operations[from]!)}\n    ${kind} ->`);
    return [`${name}:\n${lines.join("\n")}\n  the first again`];
  }
  return [];
}
