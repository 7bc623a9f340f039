import { describe, expect, test } from "vitest";
import { ByteReader, ByteWriter, utf8Bytes } from "../../src/base/bytes.js";
import { below, SeededRandom } from "../../src/base/random.js";
import { CommandView, plainHeader, writeCommand } from "../../src/commands/command-codec.js";
import { commandError } from "../../src/commands/cut.js";
import { ValueSink } from "../../src/commands/reply-codec.js";
import { commandByName } from "../../src/commands/table.js";
import { policyByName } from "../../src/store/eviction/policies.js";
import type { Store } from "../../src/store/keyspace.js";
import { testStore } from "../commands/harness.js";
import { show } from "./shown.js";
import { separateWorkloads } from "./workloads/all.js";
import type { Draw, Observation, Workload } from "./workloads/workload.js";

/** What the store is made to do wrong. */
type Harm = "none" | "lost write" | "doubled write" | "old read" | "undone writes";
const harms: readonly Harm[] = ["lost write", "doubled write", "old read", "undone writes"];

/** What can't be seen: doing it twice is as doing it once, or the key may as well have been evicted. */
const unseen: Readonly<Record<string, readonly Harm[]>> = {
  bits: ["doubled write"],
  evictions: ["lost write"],
  "key-commands": ["doubled write"],
  mortals: ["doubled write"],
};

const operations = 240;
const mostDoubled = 10;
const firstMs = 1_000_000;

function runOn(store: Store, { name, args }: Draw): Pick<Observation, "outcome" | "reply" | "error"> {
  const definition = commandByName(name)!;
  const out = new ByteWriter();
  writeCommand(out, plainHeader(definition.opcode), args.map(utf8Bytes));
  const view = new CommandView();
  view.decode(new ByteReader(out.take()));
  const sink = new ValueSink();
  expect(commandError(definition, view, store.valueLimitBytes)).toBe(null);
  definition.run(store, view, sink);
  const value = sink.value();
  if (value.type === "error") return { outcome: "refused", reply: null, error: value.kind };
  return { outcome: "ok", reply: show(value), error: null };
}

/**
 * One client after the other asks a store of its own; nothing overlaps, so that each answer is settled. From operation
 * `harmedAt` on, the first to which the harm can be done is done it.
 */
function historyOf(workload: Workload, seed: number, harm: Harm, harmedAt: number): Observation[] {
  const random = new SeededRandom(seed);
  const evicts = workload.name === "evictions";
  const observations: Observation[] = [];
  /** What was asked, in the order in which it took effect: a store of an earlier time is made of them. */
  const effective: { readonly draw: Draw; readonly atMs: number }[] = [];
  const storeAt = (count: number): Store => {
    const store = testStore(evicts ? 12 * 1024 : 1024 * 1024);
    if (evicts) store.setEvictionPolicy(policyByName("allkeys-s3fifo")!);
    for (const { draw, atMs } of effective.slice(0, count)) at(store, atMs, () => runOn(store, draw));
    return store;
  };
  let store = storeAt(0);
  let left = harm;
  let doubled = 0;
  const ask = (draw: Draw, n: number): void => {
    const invokedMs = firstMs + n * 20;
    const args = workload.complete?.(draw.args, observations) ?? draw.args;
    const asked = { ...draw, args };
    const isWrite = commandByName(draw.name)!.access === "write";
    let told = at(store, invokedMs, () => runOn(store, asked));
    effective.push({ draw: asked, atMs: invokedMs });
    if (n >= harmedAt && told.outcome === "ok") {
      if (left === "lost write" && isWrite) {
        effective.pop();
        store = storeAt(effective.length);
        left = "none";
      } else if (left === "doubled write" && isWrite) {
        // Many writes do the same when they are done again, so that one alone may harm nothing.
        at(store, invokedMs, () => runOn(store, asked));
        effective.push({ draw: asked, atMs: invokedMs });
        if (++doubled === mostDoubled) left = "none";
      } else if (left === "old read" && !isWrite) {
        const old = storeAt(Math.floor(effective.length / 2));
        told = at(old, invokedMs, () => runOn(old, asked));
        left = "none";
      } else if (left === "undone writes" && n >= harmedAt + 10) {
        effective.splice(-8);
        store = storeAt(effective.length);
        left = "none";
      }
    }
    const operation = {
      atMs: invokedMs,
      client: n % 3,
      workload: workload.name,
      name: draw.name,
      args,
      level: 0 as const,
      maxAgeMs: 0,
      deadlineMs: 1000,
      inSession: true,
    };
    observations.push({ operation, invokedMs, returnedMs: invokedMs + 1, ...told, ageMs: null });
  };
  for (let n = 0; n < operations; n++) ask(workload.draw(random, 1, n), n);
  for (const [i, draw] of workload.finalReads(1, observations).entries()) ask(draw, operations + i);
  return observations;
}

function at<Value>(store: Store, atMs: number, what: () => Value): Value {
  store.beginEntry(atMs, atMs, 1);
  store.sweep(64);
  store.allowEvictions(100);
  return what();
}

describe.each(separateWorkloads.map((workload) => ({ workload, name: workload.name })))(
  "the check of $name",
  ({ workload }) => {
    test("has nothing against what a store answers", () => {
      for (let seed = 1; seed <= 10; seed++)
        expect(workload.check(historyOf(workload, seed, "none", 0), { keepsTtls: true })).toEqual([]);
    });

    test.each(harms.filter((harm) => !unseen[workload.name]?.includes(harm)))(
      "finds fault with: %s",
      (harm) => {
        const random = new SeededRandom(harms.indexOf(harm));
        let found = 0;
        for (let seed = 1; seed <= 12; seed++) {
          const history = historyOf(workload, seed, harm, below(random, operations >> 1));
          if (workload.check(history, { keepsTtls: true }).length > 0) found++;
        }
        expect(found).toBeGreaterThan(0);
      },
    );
  },
);
