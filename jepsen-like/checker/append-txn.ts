import { ruleChecker } from "./check.js";
import { type Graph, shortestCycle } from "./cycles.js";
import { ShapeError } from "./model.js";
import { canonical, describe, type Operation } from "./operation.js";
import { addRealTimeEdges } from "./real-time.js";
import { endOf } from "./sweep.js";

/** ["append", key, element] or ["read", key, list]; the list stands in the output alone. */
type Step = readonly ["append" | "read", string, unknown];

/**
 * Batches of appends and reads over several keys, each atomic (after Elle). `txn` input: steps, where a read has null;
 * output: the same steps with the lists read. Elements are unique per key. Found are lost, stale, doubled and never
 * written elements, contradicting orders, reads of failed (G1a) or half-done (G1b) batches, and cycles of dependencies:
 * of writes (G0), of writes and reads (G1c), with one overwritten read (G-single), with more (G2); and the same where real
 * time closes the cycle, so that what is valid is strictly serializable as far as the reads can tell.
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
    const isPrefix = list.every((element, i) => order[i] === element);
    if (!isPrefix) problems.push(`contradicts another read's order: ${describe(operations[reader]!)}`);
    // The longest speaks for its prefixes.
    if (list === order || !isPrefix)
      problems.push(...strangeElements(operations, writers, { reader, key, list }));
    const last = list.at(-1);
    if (last !== undefined) {
      const writer = writers.get(`${key} ${last}`);
      if (writer !== undefined && writer !== reader) {
        if (lastOf.get(`${writer} ${key}`) !== `${key} ${last}`)
          problems.push(`G1b, ${last} is half of a batch: ${describe(operations[reader]!)}`);
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
  addUnseen(operations, readings, orders, graph);
  addRealTimeEdges(operations, graph);
  problems.push(...missedElements(operations, readings, orders), ...cyclesOf(operations, graph));
  return problems;
}

function strangeElements(
  operations: readonly Operation[],
  writers: ReadonlyMap<string, number>,
  { reader, key, list }: Reading,
): readonly string[] {
  const shown = describe(operations[reader]!);
  const problems = new Set(list).size === list.length ? [] : [`doubled element: ${shown}`];
  for (const element of list) {
    const writer = writers.get(`${key} ${element}`);
    if (writer === undefined) problems.push(`never written, ${element}: ${shown}`);
    else if (operations[writer]!.outcome === "fail") problems.push(`G1a, ${element} was refused: ${shown}`);
  }
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

/**
 * Appends by key that no read shows, of batches that are known to have happened, since they were acknowledged or another of
 * their elements was read: they come behind everything that was read.
 */
function unseenAppends(
  operations: readonly Operation[],
  orders: ReadonlyMap<string, readonly string[]>,
): readonly { readonly writer: number; readonly key: string }[] {
  const shown = new Map([...orders].map(([key, order]) => [key, new Set(order)]));
  const isShown = ([, key, value]: Step): boolean | undefined => shown.get(key)?.has(canonical(value));
  return operations.flatMap((operation, writer) => {
    const appends = stepsOf(operation).filter(([f]) => f === "append");
    return operation.outcome === "ok" || appends.some(isShown)
      ? appends.filter((append) => isShown(append) === false).map(([, key]) => ({ writer, key }))
      : [];
  });
}

/** A read of all that was ever shown of a key comes before the appends that nobody saw. */
function addUnseen(
  operations: readonly Operation[],
  readings: readonly Reading[],
  orders: ReadonlyMap<string, readonly string[]>,
  graph: Graph,
): void {
  const fullReaders = new Map<string, { reader: number; latestEndNs: number }[]>();
  const inTime = [...readings].sort(
    (a, b) => operations[a.reader]!.invokedNs - operations[b.reader]!.invokedNs,
  );
  for (const { reader, key, list } of inTime) {
    if (list.length !== orders.get(key)!.length) continue;
    const some = fullReaders.get(key) ?? [];
    fullReaders.set(key, some);
    const latestEndNs = Math.max(endOf(operations[reader]!), some.at(-1)?.latestEndNs ?? 0);
    some.push({ reader, latestEndNs });
  }
  for (const { writer, key } of unseenAppends(operations, orders)) {
    const { invokedNs } = operations[writer]!;
    const some = fullReaders.get(key) ?? [];
    // Readers that had ended before are ordered by real time already.
    for (let i = some.length - 1; i >= 0 && some[i]!.latestEndNs >= invokedNs; i--)
      if (some[i]!.reader !== writer) graph[some[i]!.reader]!.push({ to: writer, kind: "rw" });
  }
}

/** Acknowledged, and not in a read that began later: stale where another read shows it, else lost. */
function missedElements(
  operations: readonly Operation[],
  readings: readonly Reading[],
  orders: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  /** By key and place: the read that began last of those that end before that place. */
  const lastWithout = new Map<string, (Reading | undefined)[]>();
  const places = new Map<string, number>();
  for (const [key, order] of orders) {
    lastWithout.set(key, new Array<Reading | undefined>(order.length + 1).fill(undefined));
    for (const [place, element] of order.entries()) places.set(`${key} ${element}`, place);
  }
  const later = (a: Reading | undefined, b: Reading | undefined): Reading | undefined =>
    a === undefined || (b !== undefined && operations[b.reader]!.invokedNs > operations[a.reader]!.invokedNs)
      ? b
      : a;
  for (const reading of readings) {
    const some = lastWithout.get(reading.key)!;
    some[reading.list.length] = later(some[reading.list.length], reading);
  }
  for (const some of lastWithout.values())
    for (let i = 1; i < some.length; i++) some[i] = later(some[i], some[i - 1]);
  const missed: string[] = [];
  for (const operation of operations) {
    if (operation.outcome !== "ok") continue;
    for (const [f, key, value] of stepsOf(operation)) {
      if (f !== "append") continue;
      const place = places.get(`${key} ${canonical(value)}`);
      const without = lastWithout.get(key)?.at(place ?? -1);
      if (without === undefined || operations[without.reader]!.invokedNs <= endOf(operation)) continue;
      const what = place === undefined ? "lost" : "stale, without";
      missed.push(
        `${what} ${canonical(value)} of ${describe(operation)}: ${describe(operations[without.reader]!)}`,
      );
    }
  }
  return missed;
}

const anomalies = {
  G0: { kinds: ["ww"], most: 0 },
  G1c: { kinds: ["ww", "wr"], most: 0 },
  "G-single": { kinds: ["ww", "wr", "rw"], most: 1 },
  G2: { kinds: ["ww", "wr", "rw"], most: Number.POSITIVE_INFINITY },
} as const;

/** The worst kind of cycle that there is, by a shortest one. */
function cyclesOf(operations: readonly Operation[], graph: Graph): readonly string[] {
  for (const isRealTime of [false, true])
    for (const [name, { kinds, most }] of Object.entries(anomalies)) {
      const some = graph.map((edges) =>
        edges.filter(({ kind }) =>
          kind === "rt" ? isRealTime : (kinds as readonly string[]).includes(kind),
        ),
      );
      const cycle = shortestCycle(some, most);
      if (cycle === null) continue;
      const lines = cycle.map(
        ({ from, kind }) => `  ${describe(operations[from]!)}\n    ${edgeNames[kind]} ->`,
      );
      return [`${name}${isRealTime ? " in real time" : ""}:\n${lines.join("\n")}\n  the first again`];
    }
  return [];
}

const edgeNames = {
  ww: "ww, was appended to by",
  wr: "wr, was read by",
  rw: "rw, did not see",
  rt: "rt, had ended before",
};
