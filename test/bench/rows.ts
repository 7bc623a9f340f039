/** A ratio of two measurements of the same round, and what it should reach. */
export interface Row {
  readonly name: string;
  readonly ours: string;
  readonly theirs: string;
  /** Turns the ratio to Redis into one to a system that isn't run here. */
  readonly factor?: number;
  readonly first: number;
  readonly later: number;
  /** Only meaningful with this many ranges. */
  readonly onlyRanges?: 1;
}

/**
 * RedisRaft isn't packaged, so it isn't run: each row against it is ours / Redis of this run, times Redis / RedisRaft
 * of one interleaved run of those two (RedisRaft ade4aa8e on Redis 7.2.0, 3 nodes; k/s).
 */
const redisRaft = {
  setP16: { redis: 633, redisRaft: 26.3 },
  setP1: { redis: 76, redisRaft: 20.0 },
  getP16: { redis: 698, redisRaft: 84.2 },
} as const;

function bridge(test: keyof typeof redisRaft): number {
  return redisRaft[test].redis / redisRaft[test].redisRaft;
}

export const rows: readonly Row[] = [
  {
    name: "RESP SET c50 P16 vs RedisRaft (fsync)",
    ours: "quorate SET c50 P16",
    theirs: "redis SET c50 P16",
    factor: bridge("setP16"),
    first: 3,
    later: 5,
  },
  {
    name: "RESP SET c50 P1 vs RedisRaft (fsync)",
    ours: "quorate SET c50 P1",
    theirs: "redis SET c50 P1",
    factor: bridge("setP1"),
    first: 0.7,
    later: 1,
  },
  {
    name: "linearizable RESP GET c50 P16 vs RedisRaft quorum GET",
    ours: "quorate GET c50 P16",
    theirs: "redis GET c50 P16",
    factor: bridge("getP16"),
    first: 2,
    later: 4,
  },
  {
    name: "RESP SET c50 P16 vs etcd put, 1024 in flight",
    ours: "quorate SET c50 P16",
    theirs: "etcd put 1024",
    first: 4,
    later: 8,
  },
  {
    name: "gRPC unary put vs etcd put, 64 in flight",
    ours: "quorate gRPC put 64",
    theirs: "etcd put 64",
    first: 1,
    later: 5,
    onlyRanges: 1,
  },
  {
    name: "gRPC unary put vs etcd put, 1024 in flight",
    ours: "quorate gRPC put 1024",
    theirs: "etcd put 1024",
    first: 0.8,
    later: 8,
    onlyRanges: 1,
  },
  {
    name: "gRPC Pipeline put, batches of 64, vs etcd put, 1024 in flight",
    ours: "quorate Pipeline put",
    theirs: "etcd put 1024",
    first: 4,
    later: 8,
  },
  {
    name: "linearizable RESP GET c50 P16 vs Redis GET",
    ours: "quorate GET c50 P16",
    theirs: "redis GET c50 P16",
    first: 0.35,
    later: 0.6,
  },
  {
    name: "SET P16 through a follower vs the leader",
    ours: "quorate SET c50 P16 through a follower",
    theirs: "quorate SET c50 P16",
    first: 0.4,
    later: 0.7,
    onlyRanges: 1,
  },
  {
    name: "GET P16 through a follower vs the leader",
    ours: "quorate GET c50 P16 through a follower",
    theirs: "quorate GET c50 P16",
    first: 0.4,
    later: 0.7,
    onlyRanges: 1,
  },
  {
    name: "durable RESP SET c50 P16 vs Redis appendfsync always",
    ours: "quorate SET c50 P16",
    theirs: "redis appendfsync always SET c50 P16",
    first: 0.25,
    later: 0.45,
  },
];

export function selectRows(ranges: number, filter: string): readonly Row[] {
  return rows.filter(
    ({ name, onlyRanges }) =>
      (onlyRanges === undefined || onlyRanges === ranges) && name.toLowerCase().includes(filter),
  );
}
