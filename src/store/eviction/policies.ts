/** What a policy goes by when it chooses a victim. */
export type VictimOrder = "lru" | "lfu" | "fifo" | "random" | "ttl" | "s3fifo";

export interface EvictionPolicy {
  /** As Redis spells it; those that Redis lacks follow its pattern. */
  readonly name: string;
  /** Number in entries and snapshots: never given twice. */
  readonly code: number;
  /** null: nothing is evicted. */
  readonly order: VictimOrder | null;
  /** Only keys with a deadline are evicted. */
  readonly isVolatile: boolean;
}

function policy(code: number, name: string, order: VictimOrder | null): EvictionPolicy {
  return { name, code, order, isVolatile: name.startsWith("volatile") };
}

/** By code. */
const policies: readonly EvictionPolicy[] = [
  policy(0, "noeviction", null),
  policy(1, "allkeys-lru", "lru"),
  policy(2, "allkeys-lfu", "lfu"),
  policy(3, "allkeys-fifo", "fifo"),
  policy(4, "allkeys-random", "random"),
  policy(5, "allkeys-s3fifo", "s3fifo"),
  policy(6, "volatile-lru", "lru"),
  policy(7, "volatile-lfu", "lfu"),
  policy(8, "volatile-fifo", "fifo"),
  policy(9, "volatile-ttl", "ttl"),
  policy(10, "volatile-random", "random"),
];

export const noEviction: EvictionPolicy = policies[0]!;
export const policyNames = policies.map((each) => each.name) as [string, ...string[]];

/** null: no such policy. */
export function policyByName(name: string): EvictionPolicy | null {
  return policies.find((each) => each.name === name) ?? null;
}
export function policyByCode(code: number): EvictionPolicy | null {
  return policies[code] ?? null;
}
