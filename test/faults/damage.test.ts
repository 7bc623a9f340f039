import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Level } from "level";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ClusterStatus } from "../../src/client/cluster-status.js";
import { FaultCluster, rounds, until } from "./cluster.js";
import { figures } from "./figures.js";
import { Load } from "./load.js";

let cluster: FaultCluster;
let load: Load;

beforeEach(async () => {
  cluster = await FaultCluster.start();
  load = await Load.start(cluster, 200);
}, 90_000);

afterEach(async () => {
  await load.stop();
  await cluster.stop();
}, 60_000);

const fullReplicaWithinMs = 60_000;

type Database = Level<string, Buffer>;

async function inDatabase(data: string, work: (database: Database) => Promise<void>): Promise<void> {
  const database: Database = new Level(join(data, "log-records"), {
    keyEncoding: "utf8",
    valueEncoding: "buffer",
  });
  await database.open();
  await work(database);
  await database.close();
}

/** What classic-level adds to Level. */
interface Compactable {
  compactRange(start: string, end: string): Promise<void>;
}

/** Record keys from the front; the log's own marks are not among them. */
function recordKeys(database: Database): Promise<string[]> {
  return database.keys({ gte: "r", lt: "s" }).all();
}

/** The largest database file whose name ends so. */
function databaseFile(data: string, ending: RegExp): string {
  const folder = join(data, "log-records");
  const files = readdirSync(folder).filter((name) => ending.test(name));
  const sizes = files.map((name) => ({ path: join(folder, name), size: statSync(join(folder, name)).size }));
  const largest = sizes.sort((a, b) => b.size - a.size)[0];
  if (largest === undefined) throw new Error(`no file ${ending} in ${folder}`);
  return largest.path;
}

function flipByte(path: string, share: number): void {
  const bytes = readFileSync(path);
  bytes[Math.floor(bytes.length * share)]! ^= 0x55;
  writeFileSync(path, bytes);
}

interface Damage {
  readonly name: string;
  readonly harm: (data: string) => void | Promise<void>;
  /** What the node's log must say. */
  readonly said: RegExp;
}

const damages: readonly Damage[] = [
  {
    name: "a byte flipped in the middle of a record",
    harm: (data) =>
      inDatabase(data, async (database) => {
        const keys = await recordKeys(database);
        const key = keys[Math.floor(keys.length / 2)]!;
        const value = (await database.get(key))!;
        value[Math.floor(value.length / 2)]! ^= 0x01;
        await database.put(key, value);
      }),
    said: /lost state/,
  },
  {
    name: "the highest record deleted",
    harm: (data) =>
      inDatabase(data, async (database) => {
        const keys = await recordKeys(database);
        await database.del(keys.at(-1)!);
      }),
    said: /lost state/,
  },
  {
    name: "a damaged .log file",
    harm: (data) => flipByte(databaseFile(data, /\.log$/), 0.5),
    said: /lost state|replica fenced/,
  },
  {
    name: "a truncated MANIFEST",
    harm: (data) => truncateSync(databaseFile(data, /^MANIFEST-/), 10),
    said: /lost state/,
  },
  {
    name: "a damaged .ldb file",
    harm: async (data) => {
      // Makes LevelDB write its newest records to a table first.
      await inDatabase(data, (database) => (database as unknown as Compactable).compactRange("", "~"));
      flipByte(databaseFile(data, /\.ldb$/), 0.5);
    },
    said: /lost state/,
  },
  {
    name: "a missing log",
    harm: (data) => rmSync(join(data, "log-records"), { recursive: true }),
    said: /lost state/,
  },
  {
    name: "an emptied data folder",
    harm: (data) => {
      for (const name of readdirSync(data))
        if (name !== "quorate.yaml" && name !== "log") rmSync(join(data, name), { recursive: true });
    },
    said: /empty|rejoin|new identity/,
  },
];

/** Replica ids by range, and the node's id, as the cluster's status tells them. */
async function replicaIdsOf(n: number): Promise<ReadonlyMap<number, number>> {
  const topology = await cluster.topology();
  const member = topology.members.find(({ name }) => name === cluster.nodes[n]);
  return new Map(
    topology.ranges.map(({ id, replicas }) => [
      id,
      replicas.find(({ node }) => node === member?.id)?.replica ?? 0,
    ]),
  );
}

function memberId(status: ClusterStatus, n: number): string {
  return status.members.find(({ name }) => name === cluster.nodes[n])?.id ?? "";
}

for (const damage of damages)
  test(`safety 35, 50: a node with ${damage.name} comes back as new replicas, and nothing is lost`, {
    timeout: rounds(1) * 90_000 + 60_000,
  }, async () => {
    const times = Math.max(1, Math.floor(rounds(1) / 5));
    const backMs: number[] = [];
    for (let round = 0; round < times; round++) {
      const n = round % 3;
      const { data } = cluster.node(n);
      await load.progresses();
      const before = await replicaIdsOf(n);
      const idBefore = memberId(await cluster.status(), n);
      expect([...before.values()].every((id) => id > 0)).toBe(true);
      await cluster.kill(n);
      const logBefore = cluster.log(n).length;
      await damage.harm(data);
      const startedAtMs = performance.now();
      await cluster.restart(n);
      await until(
        "the node has new replicas of every range",
        async () => {
          const after = await replicaIdsOf(n);
          const old = [...before].filter(([range, id]) => after.get(range) === id || !after.get(range));
          if (old.length > 0)
            throw new Error(`still ${JSON.stringify(old)}; ${cluster.log(n).slice(logBefore)}`);
          return true;
        },
        fullReplicaWithinMs,
      );
      const status = await cluster.healed(fullReplicaWithinMs);
      backMs.push(performance.now() - startedAtMs);
      expect(cluster.log(n).slice(logBefore)).toMatch(damage.said);
      if (!existsSync(join(data, "identity.json"))) throw new Error("the node has no identity");
      if (damage.name.includes("folder")) expect(memberId(status, n)).not.toBe(idBefore);
      else expect(memberId(status, n)).toBe(idBefore);
      await load.progresses();
    }
    await load.stop();
    const { appliedUnknown } = await load.verify();
    await cluster.digestsAgree();
    figures(damage.name, { times, backMs, appliedUnknown, load: load.describe() });
    expect(Math.max(...backMs)).toBeLessThan(fullReplicaWithinMs);
  });

test("a node that is killed under load comes back as it was", { timeout: 150_000 }, async () => {
  const before = await replicaIdsOf(0);
  await cluster.kill(0);
  await load.progresses();
  await cluster.restart(0);
  await cluster.healed();
  expect(await replicaIdsOf(0)).toEqual(before);
  expect(cluster.log(0)).not.toMatch(/lost state|fenced/);
  await load.stop();
  await load.verify();
  await cluster.digestsAgree();
});
