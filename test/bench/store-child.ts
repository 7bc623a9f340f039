/** One measurement in a process of its own: `store-child.ts shape <n>`, `churn <bytes>` or `stall <entries>`. Prints one JSON line. */
import { PerformanceObserver } from "node:perf_hooks";
import type { Store } from "../../src/store/keyspace.js";
import { newStore, removeOne, setOne, shapes } from "./store-shapes.js";

const collect = globalThis.gc;
if (collect === undefined) throw new Error("needs --expose-gc");

function resident(): number {
  collect!();
  collect!();
  return process.memoryUsage.rss();
}

/** Bytes and speed of filling and reading one shape. */
function measureShape(index: number): object {
  const shape = shapes[index]!;
  // Measured from a quarter on: compiled code is no entry.
  const store = newStore();
  const first = shape.count / 4;
  for (let i = 0; i < first; i++) {
    store.beginEntry(1, i, 1);
    shape.put(store, i);
  }
  const before = resident();
  const started = performance.now();
  for (let i = first; i < shape.count; i++) {
    store.beginEntry(1, i, 1);
    shape.put(store, i);
  }
  const putMs = performance.now() - started;
  return {
    bytes: (resident() - before) / (shape.count - first),
    charge: store.chargedBytes / shape.count,
    putsPerSecond: ((shape.count - first) / putMs) * 1000,
  };
}

/**
 * Resident bytes over the charge while value sizes change and the charge stays about the same, as under a memory
 * limit: what is stranded shows here. Each phase overwrites with its size, at random, and then removes or adds keys.
 */
function measureChurn(chargeBytes: number): object {
  const before = resident();
  const store = newStore();
  const sizes = [20, 100, 400, 40, 1500, 30, 200, 20];
  const phases: object[] = [];
  let keys = 0;
  let seed = 1;
  for (const size of sizes) {
    let commands = 0;
    const next = (): number => {
      store.beginEntry(1, commands++, 1);
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return seed;
    };
    // Two of three keys, so that every page of the old size keeps some blocks, and as many keys as the charge allows.
    for (let i = 0; i < keys; i++) {
      if (next() % 3 !== 0) setOne(store, i, size + (seed % 16));
      while (store.chargedBytes > chargeBytes) removeOne(store, --keys);
    }
    for (; store.chargedBytes < chargeBytes; keys++) {
      next();
      setOne(store, keys, size + (seed % 16));
    }
    const ratio = (resident() - before) / store.chargedBytes;
    phases.push({ size, keys, ratio });
  }
  return { phases };
}

interface Turns {
  longestMs: number;
  /** Of one turn, in CPU time of the process: what other processes take doesn't count. */
  longestCpuMs: number;
  over5Ms: number;
  operations: number;
  elapsedMs: number;
}

/** Turns of the event loop with `batch` overwrites each, while `alongside` does its part of another work. */
async function turns(store: Store, entries: number, batch: number, alongside: () => boolean): Promise<Turns> {
  const result: Turns = { longestMs: 0, longestCpuMs: 0, over5Ms: 0, operations: 0, elapsedMs: 0 };
  const started = performance.now();
  let last = started;
  let lastCpu = cpuMs();
  let seed = 7;
  for (let goesOn = true; goesOn; ) {
    store.beginEntry(1, result.operations, 2);
    for (let i = 0; i < batch; i++) {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      setOne(store, seed % entries, 100);
    }
    result.operations += batch;
    goesOn = alongside();
    await new Promise<void>((resolve) => setImmediate(resolve));
    const now = performance.now();
    result.longestMs = Math.max(result.longestMs, now - last);
    if (now - last > 5) result.over5Ms++;
    last = now;
    const cpu = cpuMs();
    result.longestCpuMs = Math.max(result.longestCpuMs, cpu - lastCpu);
    lastCpu = cpu;
  }
  result.elapsedMs = last - started;
  return result;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function measureStall(entries: number): Promise<object> {
  let pauseMs = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) pauseMs = Math.max(pauseMs, entry.duration);
  });
  const before = resident();
  const store = newStore();
  let longestFillMs = 0;
  let last = performance.now();
  for (let i = 0; i < entries; i++) {
    if (i % 64 === 0) {
      store.beginEntry(1, i, 1);
      const now = performance.now();
      longestFillMs = Math.max(longestFillMs, now - last);
      last = now;
    }
    setOne(store, i, 100);
  }
  const bytes = (resident() - before) / entries;
  observer.observe({ entryTypes: ["gc"] });
  const quiet = await turns(store, entries, 64, counted(20_000));
  const walk = store.openWalk();
  let snapshotBytes = 0;
  const walked = await turns(store, entries, 64, () => {
    const chunk = walk.next(256 * 1024);
    snapshotBytes += chunk?.length ?? 0;
    return chunk !== null;
  });
  walk.close();
  const after = await turns(store, entries, 64, counted(20_000));
  observer.disconnect();
  return {
    bytes,
    charge: store.chargedBytes / entries,
    longestFillMs,
    quiet,
    walked,
    after,
    snapshotBytes,
    gcPauseMs: pauseMs,
    heapMiB: process.memoryUsage().heapUsed / 2 ** 20,
  };
}

function counted(turnsLeft: number): () => boolean {
  let left = turnsLeft;
  return () => --left > 0;
}

const [what, argument] = process.argv.slice(2);
const found =
  what === "shape"
    ? measureShape(Number(argument))
    : what === "churn"
      ? measureChurn(Number(argument))
      : await measureStall(Number(argument));
console.log(JSON.stringify(found));
