/** What the rows print, from what was measured. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error("nothing was measured");
  const sorted = values.toSorted((a, b) => a - b);
  return { median: median(sorted), min: sorted[0]!, max: sorted.at(-1)! };
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Nearest rank: the smallest value that at least `percent` % of all values don't exceed. */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) throw new Error("nothing was measured");
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]!;
}

/**
 * Ratios round by round: neighbours in time share whatever else the machine did, so their ratio moves less than
 * either figure.
 */
export function ratios(ours: readonly number[], theirs: readonly number[], factor = 1): number[] {
  if (ours.length !== theirs.length) throw new Error("rounds of both sides must pair up");
  return ours.map((value, round) => (value / theirs[round]!) * factor);
}

export function ratioLine(row: string, { median, min, max }: Spread): string {
  return `bench: ${row}: ${median.toFixed(2)}x (${min.toFixed(2)} .. ${max.toFixed(2)})`;
}

export function rate(perSecond: number): string {
  return perSecond >= 10_000 ? `${(perSecond / 1000).toFixed(0)}k` : `${(perSecond / 1000).toFixed(1)}k`;
}

/** The `rps` column of `redis-benchmark --csv`. */
export function redisBenchmarkRate(output: string): number {
  const failure = output.split("\n").find((line) => line.includes("Error from server"));
  if (failure !== undefined) throw new Error(failure.trim());
  const rows = output.split("\n").filter((line) => /^"(?!test")/.test(line));
  const value = Number(rows.at(-1)?.split(",")[1]?.replaceAll('"', ""));
  if (!(value > 0)) throw new Error(`no rate in: ${output.trim().slice(0, 300)}`);
  return value;
}

/** Requests per second of h2load. Throws when one of them failed. */
export function h2loadRate(output: string): number {
  const value = Number(/finished in [^,]+, ([\d.]+) req\/s/.exec(output)?.[1]);
  const counts = /(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/.exec(output);
  if (!(value > 0) || counts === null) throw new Error(`no rate in: ${output.trim().slice(-300)}`);
  const lost = Number(counts[2]) + Number(counts[3]) + Number(counts[4]);
  if (lost > 0) throw new Error(`h2load: ${lost} requests failed`);
  return value;
}
