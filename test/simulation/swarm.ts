import { below, type Random, SeededRandom } from "../../src/base/random.js";
import type { ConsistencyLevel } from "../../src/commands/command-codec.js";
import { policyByName, policyNames } from "../../src/store/eviction/policies.js";
import { rateSpreads } from "./clock-bounds.js";
import { drawLimits } from "./drawn-limits.js";
import {
  type Fault,
  type FaultKind,
  faultKinds,
  type PolicyChange,
  type Script,
  type Shape,
} from "./script.js";
import { mixedWorkloads, separateWorkloads, workloadsUnder } from "./workloads/all.js";
import { evictions } from "./workloads/evictions.js";
import type { Operation, Workload } from "./workloads/workload.js";

/** A stream of draws for one purpose: what others draw doesn't change it. */
export function streamOf(seed: number, purpose: string): SeededRandom {
  let hash = seed >>> 0;
  for (let i = 0; i < purpose.length; i++) hash = Math.imul(hash ^ purpose.charCodeAt(i), 0x0100_0193) >>> 0;
  return new SeededRandom(hash);
}

export function oneOf<Value>(random: Random, values: readonly Value[]): Value {
  return values[below(random, values.length)]!;
}

function between(random: SeededRandom, least: number, most: number): number {
  return least + below(random, most - least + 1);
}

/** Between two bounds, each order of magnitude alike. */
function logUniform(random: SeededRandom, least: number, most: number): number {
  let value = least;
  const doublings = Math.floor(Math.log2(most / least));
  for (let i = below(random, doublings + 1); i > 0; i--) value *= 2;
  return Math.min(most, Math.round(value * (1 + below(random, 1000) / 1000)));
}

/** Everything of a run follows from its seed. */
export function drawScript(seed: number): Script {
  const { shape, policyChanges } = withEviction(seed, drawShape(seed));
  const all = [...drawOperations(seed, shape), ...drawSeparately(seed, shape)];
  const asked = new Set(workloadsUnder(shape.evictionPolicy).map(({ name }) => name));
  return {
    seed,
    shape,
    faults: drawFaults(seed, shape),
    ...(policyChanges.length > 0 ? { policyChanges } : {}),
    operations: all.filter(({ workload }) => asked.has(workload)).sort((a, b) => a.atMs - b.atMs),
  };
}

function drawShape(seed: number): Shape {
  const random = streamOf(seed, "shape");
  const spread = oneOf(streamOf(seed, "clocks"), rateSpreads);
  const nodes = oneOf(random, [1, 2, 3, 3, 3, 3, 3, 4, 5, 5, 6, 7]);
  const small = nodes <= 3;
  return {
    nodes,
    ranges: between(random, 1, small ? 8 : 4),
    replicationFactor: oneOf(random, [1, 2, 3, 3, 3, 3, 4, 5]),
    reads: oneOf(random, ["lease", "lease", "lease", "quorum"]),
    durability: oneOf(random, ["fsync", "fsync", "fsync", "buffered"]),
    maxmemoryBytes: below(random, 6) === 0 ? logUniform(random, 256, 64 * 1024) : 64 * 1024 * 1024,
    logLimitBytes: logUniform(random, 2 * 1024, 1024 * 1024),
    livenessMs: oneOf(random, [500, 1000, 3000, 3000, 15_000]),
    maxDelayMs: oneOf(random, [1, 2, 5, 20, 60]),
    mostWriteMs: oneOf(random, [1, 2, 5, 20]),
    clients: between(random, 1, 8),
    outstanding: oneOf(random, [1, 1, 1, 2, 3]),
    keys: between(random, 1, 6),
    durationMs: between(random, 8000, 30_000),
    ...drawBounds(seed),
    hosts: Array.from({ length: nodes }, () => ({
      rate: 1 + ((below(random, 2001) - 1000) / 1000) * spread,
      wallMs:
        1_700_000_000_000 + (below(random, 3) === 0 ? below(random, 200_000) - 100_000 : below(random, 50)),
    })),
  };
}

/** A part of the clusters evicts, with budgets that are soon used up, by any policy, which may change on the way. */
function withEviction(seed: number, shape: Shape): { shape: Shape; policyChanges: readonly PolicyChange[] } {
  const random = streamOf(seed, "eviction");
  if (below(random, 4) > 0) return { shape, policyChanges: [] };
  const evicting = policyNames.filter((name) => policyByName(name)!.order !== null);
  const evictionPolicy = oneOf(random, evicting);
  const ranges = Math.min(shape.ranges, between(random, 1, 3));
  const copies = Math.min(shape.replicationFactor, shape.nodes);
  const rangesPerNode = Math.ceil((ranges * copies) / shape.nodes);
  const maxmemoryBytes = rangesPerNode * logUniform(random, 4 * 1024, 48 * 1024);
  const laterMaxmemoryBytes = Math.round(maxmemoryBytes * oneOf(random, [1, 0.5, 0.5, 0.2, 2]));
  // What has no TTL never goes under one kind; under the other nothing else is asked for.
  const others = [...evicting, "noeviction"].filter(
    (name) => evictionPolicy.startsWith("allkeys") || !name.startsWith("allkeys"),
  );
  const policyChanges = Array.from({ length: Math.max(0, below(random, 6) - 2) }, () => ({
    atMs: between(random, 2000, shape.durationMs),
    node: below(random, shape.nodes),
    policy: oneOf(random, others),
  }));
  return {
    shape: {
      ...shape,
      ranges,
      maxmemoryBytes,
      evictionPolicy,
      laterMaxmemoryBytes,
    },
    policyChanges: policyChanges.sort((a, b) => a.atMs - b.atMs),
  };
}

/** Half of the runs have smaller queues than production. */
function drawBounds(seed: number): Partial<Shape> {
  const random = streamOf(seed, "bounds");
  if (below(random, 2) === 0) return {};
  return {
    queueLimitBytes: logUniform(random, 1024, 1024 * 1024),
    // As in production it takes several of the largest appends that go by it.
    raftQueueLimitBytes: logUniform(random, 16 * 1024, 256 * 1024),
    limits: drawLimits(random, logUniform),
    // Several of the largest tables, which nodes tell and ask one another.
    forwardQueueLimitBytes: logUniform(random, 16 * 1024, 1024 * 1024),
  };
}

/** How often a kind may come in a run at most, where that isn't all one. */
const rareKinds: ReadonlySet<FaultKind> = new Set(["wipe", "lose-tail", "bit-flip", "disk-error"]);

function drawFaults(seed: number, shape: Shape): Fault[] {
  const choice = streamOf(seed, "faults");
  const faults: Fault[] = [];
  if (below(choice, 20) === 0) return faults;
  for (const kind of faultKinds) {
    const random = streamOf(seed, `fault ${kind}`);
    if (below(random, 3) !== 0) continue;
    const count = rareKinds.has(kind) ? 1 : Math.min(20, logUniform(random, 1, 16));
    const longestMs = logUniform(random, 100, 12_000);
    for (let i = 0; i < count; i++)
      faults.push({
        kind,
        // The cluster's first start isn't hurried; that has tests of its own.
        atMs: between(random, 1500, shape.durationMs),
        lastsMs: between(random, 20, longestMs),
        node: below(random, shape.nodes),
        draw: random.u32(),
      });
  }
  return faults.sort((a, b) => a.atMs - b.atMs);
}

export function drawOperations(seed: number, shape: Shape): Operation[] {
  const random = streamOf(seed, "operations");
  const chosen = mixedWorkloads.filter(() => below(random, 3) > 0);
  if (chosen.length === 0) chosen.push(oneOf(random, mixedWorkloads));
  const meanGapMs = logUniform(random, 30, 500);
  const operations: Operation[] = [];
  for (let client = 0; client < shape.clients; client++) {
    const inSession = below(random, 5) > 0;
    let atMs = 500 + below(random, 1000);
    while (atMs < shape.durationMs && operations.length < mostOperations) {
      atMs += below(random, meanGapMs * 2);
      const workload = oneOf(random, chosen);
      operations.push(drawOperation(random, shape, workload, operations.length, client, atMs, inSession));
    }
  }
  return operations.sort((a, b) => a.atMs - b.atMs);
}

const mostOperations = 2500;
const mostSeparate = 240;
const mostEvictions = 1200;

/** What is asked of each class by its own stream, in some of the seeds. */
function drawSeparately(seed: number, shape: Shape): Operation[] {
  return separateWorkloads.flatMap((workload) => {
    const random = streamOf(seed, `operations ${workload.name}`);
    const evicts = workload === evictions;
    if (evicts ? shape.evictionPolicy === undefined : below(random, 4) > 0) return [];
    const meanGapMs = evicts ? logUniform(random, 10, 80) : logUniform(random, 60, 500);
    const most = Math.ceil((evicts ? mostEvictions : mostSeparate) / shape.clients);
    const asked: { readonly client: number; readonly atMs: number; readonly inSession: boolean }[] = [];
    for (let client = 0; client < shape.clients; client++) {
      const inSession = below(random, evicts ? 2 : 5) > 0;
      let atMs = 500 + below(random, 1000);
      for (let n = 0; n < most && atMs < shape.durationMs; n++) {
        atMs += below(random, meanGapMs * 2);
        asked.push({ client, atMs, inSession });
      }
    }
    // Numbers go up with time, so that all clients meet at the objects that are named by them.
    return asked
      .sort((a, b) => a.atMs - b.atMs)
      .map(({ client, atMs, inSession }, number) =>
        drawOperation(random, shape, workload, number, client, atMs, inSession),
      );
  });
}

function drawOperation(
  random: SeededRandom,
  shape: Shape,
  workload: Workload,
  number: number,
  client: number,
  atMs: number,
  inSession: boolean,
): Operation {
  const { name, args, weak } = workload.draw(random, shape.keys, number);
  const level = weak && below(random, 2) === 0 ? (below(random, 4) as ConsistencyLevel) : 0;
  return {
    atMs,
    client,
    workload: workload.name,
    name,
    args,
    level,
    maxAgeMs: level === 2 ? logUniform(random, 50, 10_000) : 0,
    deadlineMs: oneOf(random, [50, 500, 2000, 5000]),
    inSession,
  };
}
