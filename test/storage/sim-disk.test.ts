import { expect, test } from "vitest";
import { SeededRandom } from "../../src/base/random.js";
import type { Durability, LogStorage } from "../../src/ports/log-storage.js";
import { appended, closed, entry, opened, record, replicaIn, section } from "../conformance/log-storage.js";
import { SimDisk } from "../simulation/sim-disk.js";
import { createSimStorage } from "../simulation/sim-storage.js";

const scheduler = (_delayMs: number, callback: () => void): void => void setImmediate(callback);

function makeDisk(seed: number, durability: Durability): SimDisk {
  return new SimDisk({ scheduler, random: new SeededRandom(seed), durability });
}

const next = (sequence: number): ReturnType<typeof record> =>
  record(sequence, section(1, 11, { entries: [entry(sequence, 1)] }));

async function start(disk: SimDisk, expectExisting = true): Promise<LogStorage> {
  const { log } = createSimStorage(disk, expectExisting);
  await opened(log);
  return log;
}

test("a crash keeps what was acknowledged, and what was in flight by chance; nobody hears of it", async () => {
  const outcomes = new Set<number>();
  for (let seed = 1; seed <= 20; seed++) {
    const disk = makeDisk(seed, "fsync");
    const log = await start(disk, false);
    expect(await appended(log, next(1))).toBeNull();
    log.append(next(2), () => expect.unreachable("an older incarnation was called back"));
    disk.crash("power");
    const recovered = await opened(createSimStorage(disk, true).log);
    expect(recovered.damage).toBeNull();
    outcomes.add(recovered.lastSequence);
  }
  expect([...outcomes].sort()).toEqual([1, 2]);
});

test("buffered: a dead process loses nothing, a power loss loses a tail and says so", async () => {
  const kept = new Set<number>();
  for (let seed = 1; seed <= 20; seed++) {
    const disk = makeDisk(seed, "buffered");
    let log = await start(disk, false);
    const created = section(1, 11, { mark: "created", entries: [entry(1, 1)] });
    expect(await appended(log, record(1, created))).toBeNull();
    log = await restart(disk, "process");
    for (const sequence of [2, 3]) expect(await appended(log, next(sequence))).toBeNull();
    disk.crash("power");
    const recovered = await opened(createSimStorage(disk, true).log);
    expect(recovered.damage).toContain("lost power");
    const replica = replicaIn(recovered, 1, 11);
    expect(replica.mark).toBe("fenced");
    kept.add(replica.entries.length);
  }
  expect(kept.size).toBeGreaterThan(1);
});

async function restart(disk: SimDisk, crash: "process" | "power"): Promise<LogStorage> {
  disk.crash(crash);
  return start(disk);
}

test("a clean stop is no loss, whatever happens to the power afterwards", async () => {
  const disk = makeDisk(1, "buffered");
  const log = await start(disk, false);
  for (const sequence of [1, 2, 3]) expect(await appended(log, next(sequence))).toBeNull();
  await closed(log);
  disk.crash("power");
  expect(await opened(createSimStorage(disk, true).log)).toMatchObject({ damage: null, lastSequence: 3 });
});

test("a full disk promises nothing and takes the same record later; a failed write ends the log", async () => {
  const disk = makeDisk(1, "fsync");
  const log = await start(disk, false);
  disk.full = true;
  const refused = await Promise.all([1, 2].map((sequence) => appended(log, next(sequence))));
  expect(refused.map((error) => error?.kind)).toEqual(["disk-full", "disk-full"]);
  disk.full = false;
  expect(await appended(log, next(1))).toBeNull();
  disk.failNextWrite = "input/output error";
  expect(await appended(log, next(2))).toMatchObject({ kind: "failed" });
  expect(await appended(log, next(2))).toMatchObject({ kind: "failed" });
});

test("a lost or damaged log is noticed and fences what is left", async () => {
  const disk = makeDisk(1, "fsync");
  const log = await start(disk, false);
  for (const sequence of [1, 2, 3]) expect(await appended(log, next(sequence))).toBeNull();
  disk.crash("process");
  disk.damageLog("a bit flipped", 1);
  const damaged = await opened(createSimStorage(disk, true).log);
  expect(damaged.damage).toContain("a bit flipped");
  expect(damaged.lastSequence).toBeGreaterThanOrEqual(3);
  expect(replicaIn(damaged, 1, 11)).toMatchObject({ mark: "fenced", entries: [entry(1, 1)] });

  disk.crash("process");
  disk.loseLog();
  expect((await opened(createSimStorage(disk, true).log)).damage).toContain("empty");
});
