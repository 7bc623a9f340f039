import { join } from "node:path";
import { rate, ratioLine, ratios, spread } from "./figures.js";
import { etcdPut, grpcKey, pipelinePut, quoratePut, redisBenchmark } from "./generators.js";
import { type Measurement, Rounds } from "./measure.js";
import type { BenchOptions } from "./options.js";
import { Etcd, Redis } from "./peers.js";
import { host } from "./processes.js";
import { QuorateCluster } from "./quorate-cluster.js";
import type { Report } from "./report.js";
import { type Row, selectRows } from "./rows.js";

interface Systems {
  readonly quorate: QuorateCluster;
  readonly redis: Redis;
  readonly durableRedis: Redis;
  readonly etcd: Etcd | null;
}

/** All throughput rows for one layout: everything runs at once, one of them under load at a time. */
export async function runThroughput(
  options: BenchOptions,
  ranges: number,
  folder: string,
  report: Report,
): Promise<void> {
  const rows = selectRows(ranges, options.rows);
  if (rows.length === 0) return;
  report.heading(
    ranges === 1 ? "1 range, the generator at its leader" : `${ranges} ranges, all through one node`,
  );
  const started: { stop(): Promise<void> }[] = [];
  const keep = <T extends { stop(): Promise<void> }>(system: T): T => {
    started.push(system);
    return system;
  };
  try {
    const quorate = keep(await QuorateCluster.start(join(folder, `quorate-${ranges}`), ranges));
    const redis = keep(await Redis.start(join(folder, `redis-${ranges}`), false));
    const durableRedis = keep(await Redis.start(join(folder, `redis-aof-${ranges}`), true));
    const needsEtcd = rows.some(({ theirs }) => theirs.startsWith("etcd"));
    const etcd = needsEtcd ? keep(await Etcd.start(join(folder, `etcd-${ranges}`))) : null;
    await measureRows({ quorate, redis, durableRedis, etcd }, rows, options, report);
  } finally {
    await Promise.all(started.map((system) => system.stop()));
  }
}

async function measureRows(
  systems: Systems,
  rows: readonly Row[],
  options: BenchOptions,
  report: Report,
): Promise<void> {
  const wanted = new Set(rows.flatMap(({ ours, theirs }) => [ours, theirs]));
  const measurements = (await listMeasurements(systems)).filter(({ name }) => wanted.has(name));
  const rounds = new Rounds(measurements, options.seconds, options.warmUp);
  const leader = await systems.quorate.leader();
  await rounds.warmUp();
  if (wanted.has("quorate gRPC put 64")) await checkPuts(systems);
  for (let round = 1; round <= options.rounds; round++) {
    process.stderr.write(`round ${round} of ${options.rounds}\n`);
    await rounds.runOne();
  }
  const { name: leads } = await systems.quorate.leader();
  if (systems.quorate.ranges === 1 && leads !== leader.name)
    report.note(
      `note: ${leader.name} lost the leadership to ${leads} meanwhile: rows at the leader took a hop`,
    );
  const rates = (name: string): number[] => rounds.samples.get(name)!.map(({ perSecond }) => perSecond);
  for (const { name, samples } of measurements.map(({ name }) => ({
    name,
    samples: rounds.samples.get(name)!,
  })))
    report.measured(systems.quorate.ranges, name, samples);
  for (const row of rows) {
    const found = spread(ratios(rates(row.ours), rates(row.theirs), row.factor));
    const sides = `${row.ours} ${rate(spread(rates(row.ours)).median)}/s, ${row.theirs} ${rate(spread(rates(row.theirs)).median)}/s`;
    const bridged =
      row.factor === undefined ? "" : `, ours/Redis x ${row.factor.toFixed(1)} (Redis/RedisRaft)`;
    report.row(systems.quorate.ranges, row, found, ratioLine(row.name, found), `${sides}${bridged}`);
  }
}

/** In this order, so that what a row compares stands close together. */
async function listMeasurements(systems: Systems): Promise<readonly Measurement[]> {
  const { quorate, redis, durableRedis, etcd } = systems;
  const leader = await quorate.leader();
  const follower = await quorate.follower();
  const { resp } = leader.ports;
  const grpc = `${host}:${leader.ports.grpc}`;
  const of = (
    name: string,
    generator: Measurement["generator"],
    { pids }: { readonly pids: readonly number[] },
  ): Measurement => ({ name, generator, pids });
  const etcdLeader = (await etcd?.leader()) ?? "";
  const etcdOnes =
    etcd === null
      ? []
      : [
          of("etcd put 1024", etcdPut(etcdLeader, 1024), etcd),
          of("etcd put 64", etcdPut(etcdLeader, 64), etcd),
        ];
  const [put1024, put64] = etcdOnes;
  const all: readonly (Measurement | undefined)[] = [
    of("quorate SET c50 P1", redisBenchmark(resp, "set", 1), quorate),
    of("redis SET c50 P1", redisBenchmark(redis.port, "set", 1), redis),
    of("quorate SET c50 P16 through a follower", redisBenchmark(follower.ports.resp, "set", 16), quorate),
    of("redis SET c50 P16", redisBenchmark(redis.port, "set", 16), redis),
    of("quorate SET c50 P16", redisBenchmark(resp, "set", 16), quorate),
    of("redis appendfsync always SET c50 P16", redisBenchmark(durableRedis.port, "set", 16), durableRedis),
    of("quorate Pipeline put", pipelinePut(grpc), quorate),
    put1024,
    of("quorate gRPC put 1024", quoratePut(grpc, 1024), quorate),
    of("quorate gRPC put 64", quoratePut(grpc, 64), quorate),
    put64,
    of("quorate GET c50 P16 through a follower", redisBenchmark(follower.ports.resp, "get", 16), quorate),
    of("quorate GET c50 P16", redisBenchmark(resp, "get", 16), quorate),
    of("redis GET c50 P16", redisBenchmark(redis.port, "get", 16), redis),
  ];
  return all.filter((each) => each !== undefined);
}

/** h2load sees HTTP's status alone: that its puts were put is asked of the key. */
async function checkPuts({ quorate, etcd }: Systems): Promise<void> {
  const leader = await quorate.leader();
  const response = await fetch(`http://${host}:${leader.ports.http}/cache/${grpcKey}`);
  if (response.status !== 200) throw new Error("quorate: the gRPC puts stored nothing");
  if (etcd !== null && (await etcd.version(grpcKey)) < 1) throw new Error("etcd: the puts stored nothing");
}
