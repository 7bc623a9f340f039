import { expect, test } from "vitest";
import type { Store } from "../../src/store/keyspace.js";
import { run, testStore } from "./harness.js";

/** What a scan began on one store it goes on with on a store that was restored from its snapshot. */

const names = Array.from({ length: 900 }, (_, i) => `name:${i}`);

function restoredFrom(store: Store): Store {
  const walk = store.openWalk();
  const copy = testStore();
  copy.beginLoad();
  for (let chunk = walk.next(1000); chunk !== null; chunk = walk.next(1000)) copy.load(chunk);
  walk.close();
  copy.endLoad();
  copy.beginEntry(1_000_000, 2, 2);
  return copy;
}

const scans = [
  { command: ["SCAN"], add: (name: string) => ["SET", name, "v"], remove: (name: string) => ["DEL", name] },
  {
    command: ["SSCAN", "big"],
    add: (name: string) => ["SADD", "big", name],
    remove: (name: string) => ["SREM", "big", name],
  },
  {
    command: ["HSCAN", "big"],
    add: (name: string) => ["HSET", "big", name, "v"],
    remove: (name: string) => ["HDEL", "big", name],
  },
  {
    command: ["ZSCAN", "big"],
    add: (name: string) => ["ZADD", "big", "1", name],
    remove: (name: string) => ["ZREM", "big", name],
  },
];

test.each(scans)(
  "$command.0 returns what was there throughout, over growth, shrinking and a restore at each step",
  ({ command, add, remove }) => {
    let store = testStore();
    for (const name of names) run(store, ...add(name));
    const found = new Set<string>();
    let cursor = "0";
    let steps = 0;
    do {
      const [next, items] = run(store, command[0]!, ...command.slice(1), cursor, "COUNT", "60") as [
        string,
        string[],
      ];
      for (const item of items) found.add(item);
      cursor = next;
      steps++;
      for (let i = 0; i < 200; i++) {
        if (steps < 6) run(store, ...add(`more:${steps}:${i}`));
        else if (steps < 11) run(store, ...remove(`more:${steps - 5}:${i}`));
      }
      store = restoredFrom(store);
    } while (cursor !== "0");
    expect(steps).toBeGreaterThan(8);
    expect(names.filter((name) => !found.has(name))).toEqual([]);
  },
);
