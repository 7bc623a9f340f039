import { expect, test } from "vitest";
import type { SimClient } from "../simulation/sim-client.js";
import { SimCluster } from "../simulation/sim-cluster.js";
import type { Shown } from "../simulation/workloads/workload.js";

/** KEYS, SCAN, RANDOMKEY and DBSIZE through any node see the keys of every range; and what a scan promises. */

function ask(cluster: SimCluster, client: SimClient, name: string, ...args: (string | number)[]): Shown {
  const sent = client.send(name, ...args);
  cluster.until(() => sent.done);
  if (!sent.ok) throw new Error(`${sent.text} was answered ${JSON.stringify(sent.shown)}`);
  return sent.shown;
}

const names = Array.from({ length: 300 }, (_, i) => `key:${i}`);

function filled(seed: number): { cluster: SimCluster; client: SimClient } {
  const cluster = new SimCluster({ seed, ranges: 8 }).boot();
  const client = cluster.client(0);
  ask(cluster, client, "MSET", ...names.flatMap((name, i) => [name, i]));
  return { cluster, client };
}

/** A whole scan; between its steps `meanwhile` may do something and give another client. */
function scan(
  cluster: SimCluster,
  client: SimClient,
  command: readonly string[],
  words: readonly (string | number)[],
  meanwhile: (step: number) => SimClient = () => client,
): string[] {
  const found: string[] = [];
  let cursor = "0";
  let at = client;
  let step = 0;
  do {
    const [name = "", ...key] = command;
    const [next, items] = ask(cluster, at, name, ...key, cursor, ...words) as [string, string[]];
    found.push(...items);
    cursor = next;
    at = meanwhile(++step);
  } while (cursor !== "0");
  expect(step).toBeGreaterThan(5);
  return found;
}

test("through every node, KEYS, SCAN, DBSIZE and RANDOMKEY span all ranges", () => {
  const { cluster } = filled(61);
  for (const { at } of cluster.nodes) {
    const client = cluster.client(at);
    expect(ask(cluster, client, "DBSIZE")).toBe(names.length);
    expect([...(ask(cluster, client, "KEYS", "*") as string[])].sort()).toEqual([...names].sort());
    expect([...(ask(cluster, client, "KEYS", "key:1?") as string[])].sort()).toEqual(
      names.filter((name) => /^key:1.$/.test(name)).sort(),
    );
    expect([...new Set(scan(cluster, client, ["SCAN"], ["COUNT", 20]))].sort()).toEqual([...names].sort());
    const drawn = Array.from({ length: 60 }, () => ask(cluster, client, "RANDOMKEY") as string);
    expect(drawn.filter((name) => !names.includes(name))).toEqual([]);
    expect(new Set(drawn.map((name) => cluster.rangeOf(name))).size).toBe(8);
  }
  const client = cluster.client(0);
  ask(cluster, client, "FLUSHALL");
  expect(ask(cluster, client, "RANDOMKEY")).toBeNull();
  expect(ask(cluster, client, "KEYS", "*")).toEqual([]);
  expect(ask(cluster, client, "SCAN", 0)).toBeInstanceOf(Array);
});

test("commands that must be atomic over keys of several ranges are refused as cross-slot, and change nothing", () => {
  const { cluster, client } = filled(62);
  const a = cluster.keyIn(cluster.ranges()[0]!);
  const b = cluster.keyIn(cluster.ranges()[1]!);
  const commands: (string | number)[][] = [
    ["COPY", a, b],
    ["RENAME", a, b],
    ["RENAMENX", a, b],
    ["MSETNX", a, 1, b, 2],
    ["BITOP", "AND", a, a, b],
    ["LMOVE", a, b, "LEFT", "RIGHT"],
    ["RPOPLPUSH", a, b],
    ["LMPOP", 2, a, b, "LEFT"],
    ["SMOVE", a, b, "m"],
    ["SINTER", a, b],
    ["SINTERCARD", 2, a, b],
    ["SINTERSTORE", a, b],
    ["SUNION", a, b],
    ["SUNIONSTORE", a, b],
    ["SDIFF", a, b],
    ["SDIFFSTORE", a, b],
    ["ZRANGESTORE", a, b, 0, -1],
    ["ZMPOP", 2, a, b, "MIN"],
    ["ZUNION", 2, a, b],
    ["ZUNIONSTORE", a, 1, b],
    ["ZINTER", 2, a, b],
    ["ZINTERSTORE", a, 1, b],
    ["ZINTERCARD", 2, a, b],
    ["ZDIFF", 2, a, b],
    ["ZDIFFSTORE", a, 1, b],
  ];
  const sent = commands.map(([name, ...args]) => client.send(String(name), ...args));
  cluster.until(() => client.unanswered === 0);
  expect(sent.map((each) => [each.text, each.error])).toEqual(sent.map((each) => [each.text, "cross-slot"]));
  expect(ask(cluster, client, "DBSIZE")).toBe(names.length);
  cluster.checkDigests();
});

test("a SCAN over a leader's death and through other nodes returns all keys that were there throughout", () => {
  const { cluster, client } = filled(63);
  let extra = 0;
  const found = scan(cluster, client, ["SCAN"], ["COUNT", 10], (step) => {
    if (step !== 4) {
      // Keys come and go while it runs.
      const next = cluster.client(step > 4 ? 1 : step % 3);
      ask(cluster, next, "SET", `extra:${extra++}`, "v");
      if (extra % 2 === 0) ask(cluster, next, "DEL", `extra:${extra - 2}`);
      return next;
    }
    cluster.crash(0, "process");
    cluster.settle();
    return cluster.client(1);
  });
  expect(names.filter((name) => !found.includes(name))).toEqual([]);
});

/** More than a small collection has: those come in one step. */
const members = Array.from({ length: 700 }, (_, i) => `member:${i}`);

const collections = [
  ["SSCAN", "SADD", "SREM", (name: string) => [name]],
  ["HSCAN", "HSET", "HDEL", (name: string) => [name, "v"]],
  ["ZSCAN", "ZADD", "ZREM", (name: string) => ["1", name]],
] as const;

test.each(collections)(
  "%s of a collection that grows and shrinks, over its leader's death, returns what was there throughout",
  (scanName, add, remove, element) => {
    const cluster = new SimCluster({ seed: 64 }).boot();
    const first = cluster.client(0);
    ask(cluster, first, add, "big", ...members.flatMap(element));
    const leader = cluster.leaderOf(cluster.rangeOf("big"));
    const survivor = cluster.other(leader);
    const more = (step: number): string[] => Array.from({ length: 150 }, (_, i) => `more:${step}:${i}`);
    const found = scan(cluster, cluster.client(survivor), [scanName, "big"], ["COUNT", 40], (step) => {
      if (step === 4) {
        cluster.crash(leader, "process");
        cluster.settle();
      }
      const client = cluster.client(survivor);
      // Grows to several times its size, and shrinks again.
      if (step < 6) ask(cluster, client, add, "big", ...more(step).flatMap(element));
      else if (step < 11) ask(cluster, client, remove, "big", ...more(step - 5));
      return client;
    });
    expect(members.filter((name) => !found.includes(name))).toEqual([]);
  },
);
