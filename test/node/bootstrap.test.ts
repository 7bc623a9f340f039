import { expect, test } from "vitest";
import { below } from "../../src/base/random.js";
import { settings, World, type WorldNode } from "./bootstrap-world.js";

function startAll(world: World): void {
  for (const node of world.nodes) world.start(node);
}

function allDecided(world: World): () => boolean {
  return () => world.nodes.every((node) => node.outcome !== null);
}

/** A cluster starts only after its document was on every disk. */
function expectPersisted(world: World, clusterId: string): void {
  for (const node of world.nodes) expect(node.persisted.has(clusterId), node.name).toBe(true);
}

function clusterOf(node: WorldNode): string {
  const { outcome } = node;
  if (outcome?.kind !== "started" && outcome?.kind !== "rejoin") {
    throw new Error(`${node.name}: ${JSON.stringify(outcome)}`);
  }
  return outcome.document.clusterId;
}

test("three empty nodes start with one document that names them all", () => {
  const world = new World(1, 3);
  startAll(world);
  expect(world.run(5000, allDecided(world))).toBe(true);
  expect(new Set(world.nodes.map(clusterOf)).size).toBe(1);
  for (const node of world.nodes) {
    expect(node.outcome).toMatchObject({ kind: "started", nodeId: node.disk!.nodeId });
    expect(node.disk).toMatchObject({ started: true, clusterId: clusterOf(node) });
    expect(node.prepared).toEqual([clusterOf(node)]);
  }
});

test("a single node starts alone", () => {
  const world = new World(2, 1);
  startAll(world);
  expect(world.run(1000, allDecided(world))).toBe(true);
  expect(world.nodes[0]!.outcome?.kind).toBe("started");
});

test("nothing starts before every initial node answers, and what is waited for is logged once per change", () => {
  const world = new World(3, 3);
  const [first, second, third] = world.nodes as [WorldNode, WorldNode, WorldNode];
  world.start(first);
  world.start(second);
  world.run(10_000);
  expect(world.nodes.map((node) => node.outcome)).toEqual([null, null, null]);
  expect(first.log.filter((line) => line === `waiting for ${third.address}`)).toHaveLength(1);
  expect(second.log.filter((line) => line === `waiting for ${third.address}`)).toHaveLength(1);
  expect(first.log.length).toBeLessThan(5);
  world.start(third);
  expect(world.run(5000, allDecided(world))).toBe(true);
  expect(new Set(world.nodes.map(clusterOf)).size).toBe(1);
});

test("a node that is waited for again is called by its name", () => {
  const world = new World(4, 3);
  const [first, second, third] = world.nodes as [WorldNode, WorldNode, WorldNode];
  startAll(world);
  world.run(10_000, () => first.log.length > 0 || first.disk?.document != null);
  world.crash(third);
  world.crash(second);
  world.run(5000);
  const waited = first.log.filter((line) => line.startsWith("waiting for"));
  expect(waited.join("\n")).toContain("node-3 at 127.0.0.1:7203");
});

test("over crashes at any point all nodes come to one document, never two", () => {
  for (let seed = 0; seed < 150; seed++) {
    const world = new World(seed, 2 + (seed % 3));
    world.lossPercent = seed % 20;
    startAll(world);
    const seen = new Set<string>();
    const watch = (): boolean => {
      for (const id of world.startedClusters()) {
        seen.add(id);
        expectPersisted(world, id);
      }
      return false;
    };
    for (let fault = 0; fault < 6; fault++) {
      world.run(below(world.random, 500), watch);
      const node = world.nodes[below(world.random, world.nodes.length)]!;
      world.crash(node);
      world.run(below(world.random, 400), watch);
      world.start(node);
    }
    world.lossPercent = 0;
    const decided = allDecided(world);
    expect(
      world.run(60_000, () => watch() || decided()),
      `seed ${seed} converges`,
    ).toBe(true);
    expect(seen.size, `seed ${seed}`).toBe(1);
    for (const node of world.nodes) {
      expect(node.outcome?.kind, `seed ${seed}`).toBe("started");
      expect(seen.has(clusterOf(node))).toBe(true);
    }
  }
});

test("safety 35: folders emptied at any point never make a second cluster beside a started one", () => {
  let rejoined = 0;
  for (let seed = 0; seed < 150; seed++) {
    const world = new World(seed, 3);
    world.lossPercent = seed % 10;
    startAll(world);
    const watch = (): boolean => {
      expect(world.startedClusters().size, `seed ${seed}`).toBeLessThanOrEqual(1);
      for (const id of world.startedClusters()) expectPersisted(world, id);
      return false;
    };
    for (let fault = 0; fault < 3; fault++) {
      world.run(below(world.random, 600), watch);
      const node = world.nodes[below(world.random, 3)]!;
      world.crash(node);
      // What was being written is over before the folder is emptied.
      world.run(100, watch);
      if (fault === 1) node.disk = null;
      world.start(node);
    }
    world.lossPercent = 0;
    const decided = allDecided(world);
    expect(
      world.run(60_000, () => watch() || decided()),
      `seed ${seed} converges`,
    ).toBe(true);
    expect(new Set(world.nodes.map(clusterOf)).size, `seed ${seed}`).toBe(1);
    rejoined += world.nodes.filter((node) => node.outcome?.kind === "rejoin").length;
  }
  expect(rejoined).toBeGreaterThan(10);
});

test("safety 35: a node emptied after the start rejoins under a new id, the lowest address too", () => {
  for (const at of [0, 2]) {
    const world = new World(5, 3);
    startAll(world);
    world.run(5000, allDecided(world));
    const node = world.nodes[at]!;
    const cluster = clusterOf(node);
    const oldId = node.disk!.nodeId;
    world.crash(node);
    node.disk = null;
    world.start(node);
    expect(world.run(5000, allDecided(world))).toBe(true);
    const { outcome } = node;
    expect(outcome).toMatchObject({ kind: "rejoin", confirmed: false });
    expect(clusterOf(node)).toBe(cluster);
    expect(outcome?.kind === "rejoin" && outcome.nodeId).not.toBe(oldId);
    expect(node.disk).toMatchObject({ started: false, clusterId: cluster });

    // Crashing before the rejoin is through, it tries again under the same new id, even if nobody answers.
    const newId = node.disk!.nodeId;
    for (const each of world.nodes) world.crash(each);
    world.start(node);
    world.run(5000, () => node.outcome !== null);
    expect(node.outcome).toMatchObject({ kind: "rejoin", nodeId: newId, confirmed: false });
  }
});

test("a started node starts again by itself, whatever its initial list says now", () => {
  const world = new World(6, 3);
  startAll(world);
  world.run(5000, allDecided(world));
  const node = world.nodes[1]!;
  const cluster = clusterOf(node);
  for (const each of world.nodes) world.crash(each);
  node.initial = [];
  world.start(node);
  expect(world.run(100, () => node.outcome !== null)).toBe(true);
  expect(node.outcome?.kind).toBe("started");
  expect(clusterOf(node)).toBe(cluster);
});

test("different initial lists are refused with both lists named", () => {
  const world = new World(7, 3);
  const [first, second, third] = world.nodes as [WorldNode, WorldNode, WorldNode];
  third.initial = [second.address, third.address];
  startAll(world);
  world.run(5000);
  const [all, two] = [first.initial.join(","), third.initial.join(",")];
  expect(third.outcome).toEqual({
    kind: "refused",
    message: `${second.address} refuses: the initial lists differ: ${all} here, ${two} there`,
  });
  expect(second.log).toContain(`refused a node: the initial lists differ: ${all} here, ${two} there`);
  expect(world.startedClusters().size).toBe(0);
});

test("different settings are refused by name", () => {
  const world = new World(8, 2);
  const node = world.nodes[1]!;
  node.settings = { ...settings, durability: "buffered" };
  startAll(world);
  world.run(5000);
  expect(node.outcome?.kind === "refused" && node.outcome.message).toContain(
    "durability is fsync here, buffered there",
  );
});

test("a stranger is told that the cluster has started without it", () => {
  const world = new World(9, 3);
  const [first, second, stranger] = world.nodes as [WorldNode, WorldNode, WorldNode];
  first.initial = [first.address, second.address];
  second.initial = first.initial;
  world.start(first);
  world.start(second);
  world.run(5000);
  world.start(stranger);
  world.run(5000);
  expect(stranger.outcome?.kind === "refused" && stranger.outcome.message).toContain(
    `cluster ${clusterOf(first)} has started, and no node of it is named node-3`,
  );
});

test("a full disk is waited for, a broken one and a damaged identity end the bootstrap", () => {
  const world = new World(10, 1);
  const node = world.nodes[0]!;
  node.saveErrors = [{ kind: "disk-full", message: "no space" }];
  world.start(node);
  world.run(5000);
  expect(node.outcome?.kind).toBe("started");
  expect(node.log).toContain("the disk is full: the identity waits for space");

  world.crash(node);
  node.disk = { ...node.disk!, document: "{}" };
  world.start(node);
  world.run(5000);
  expect(node.outcome).toMatchObject({ kind: "failed" });

  world.crash(node);
  node.disk = null;
  node.saveErrors = [{ kind: "failed", message: "input/output error" }];
  world.start(node);
  world.run(5000);
  expect(node.outcome).toEqual({ kind: "failed", message: "identity: input/output error" });
});

test("a proposer that crashed uses its persisted proposal again, unless a node came back emptied", () => {
  const world = new World(12, 3);
  const [first, second, third] = world.nodes as [WorldNode, WorldNode, WorldNode];
  startAll(world);
  world.run(5000, () => second.disk?.document != null && third.disk?.document != null);
  expect(world.startedClusters().size).toBe(0);
  const proposal = first.disk!.clusterId;
  for (const node of world.nodes) world.crash(node);
  startAll(world);
  world.run(5000, allDecided(world));
  expect(world.nodes.map(clusterOf)).toEqual([proposal, proposal, proposal]);

  const again = new World(12, 3);
  startAll(again);
  again.run(5000, () => again.nodes.every((node) => node.disk?.document != null));
  for (const node of again.nodes) again.crash(node);
  again.nodes[2]!.disk = null;
  startAll(again);
  again.run(5000, allDecided(again));
  expect(again.nodes.map((node) => node.outcome?.kind)).toEqual(["started", "started", "started"]);
  expect(clusterOf(again.nodes[0]!)).not.toBe(proposal);
});

test("a node emptied between its answer and the proposal makes a new proposal necessary", () => {
  for (let seed = 0; seed < 40; seed++) {
    const world = new World(seed, 3);
    const [first, , third] = world.nodes as [WorldNode, WorldNode, WorldNode];
    startAll(world);
    world.run(5000, () => first.disk?.document != null);
    world.crash(third);
    third.disk = null;
    world.start(third);
    expect(world.run(10_000, allDecided(world)), `seed ${seed}`).toBe(true);
    for (const id of world.startedClusters()) expectPersisted(world, id);
    expect(
      world.nodes.map((node) => node.outcome?.kind),
      `seed ${seed}`,
    ).toEqual(["started", "started", "started"]);
  }
});

test("a proposal of another proposer is not replaced: it may have started elsewhere", () => {
  const world = new World(13, 3);
  const [, second, third] = world.nodes as [WorldNode, WorldNode, WorldNode];
  startAll(world);
  world.run(5000, () => world.nodes.every((node) => node.disk?.document != null));
  for (const node of world.nodes) world.crash(node);
  for (const node of [second, third]) {
    node.initial = [second.address, third.address];
    world.start(node);
  }
  world.run(5000);
  expect(second.outcome?.kind === "refused" && second.outcome.message).toContain(
    "holds the proposal of cluster",
  );
  expect(world.startedClusters().size).toBe(0);
});

test("calls that aren't bootstrap's are left to others; malformed ones are answered", () => {
  const world = new World(11, 1);
  const node = world.nodes[0]!;
  world.start(node);
  world.run(5000);
  const replies: Uint8Array[] = [];
  expect(
    node.handle!.onCall(new TextEncoder().encode("something else"), (reply) => replies.push(reply)),
  ).toBe(false);
  const malformed = new TextEncoder().encode("quorate-bootstrap-1\n{");
  expect(node.handle!.onCall(malformed, (reply) => replies.push(reply))).toBe(true);
  expect(new TextDecoder().decode(replies[0])).toContain('"kind":"refused"');
});
