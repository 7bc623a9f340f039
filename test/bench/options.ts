/** What a run of the bench does; every field is an environment variable in capitals. */
export interface BenchOptions {
  /** Interleaved repetitions of every row. */
  readonly rounds: number;
  /** Length of one measurement. */
  readonly seconds: number;
  /** Seconds of its own load before each measurement's first round. */
  readonly warmUp: number;
  /** Layouts: "16" shows what one gateway does, "1" has the generator at the leader. */
  readonly ranges: readonly number[];
  /** Only rows whose name contains it, in any case; empty: all. */
  readonly rows: string;
  /** Rounds of the failover and of the hand-over row. */
  readonly kills: number;
  /** Calls of the latency row. */
  readonly calls: number;
  /** Where bench.json and bench.md go. */
  readonly out: string;
}

export function readOptions(environment: Readonly<Record<string, string | undefined>>): BenchOptions {
  const quick = (environment.QUICK ?? "0") !== "0";
  const number = (name: string, whole: boolean, otherwise: number): number => {
    const text = environment[name];
    if (text === undefined || text === "") return otherwise;
    const value = Number(text);
    if (!(value > 0) || (whole && !Number.isInteger(value)))
      throw new Error(`${name} must be a ${whole ? "whole " : ""}number above 0, not "${text}"`);
    return value;
  };
  const ranges = (environment.RANGES ?? "1,16").split(",").map(Number);
  if (ranges.some((count) => !Number.isInteger(count) || count < 1))
    throw new Error(`RANGES must be numbers separated by commas, not "${environment.RANGES}"`);
  return {
    rounds: number("ROUNDS", true, quick ? 1 : 3),
    seconds: number("SECONDS", false, quick ? 1 : 2),
    warmUp: number("WARM_UP", true, quick ? 1 : 5),
    ranges,
    rows: (environment.ROWS ?? "").toLowerCase(),
    kills: number("KILLS", true, quick ? 3 : 10),
    calls: number("CALLS", true, quick ? 1000 : 4000),
    out: environment.OUT ?? ".quorate/bench",
  };
}
