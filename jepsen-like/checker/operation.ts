/**
 * ok: it happened, and `output` is its answer. fail: it provably did not happen. info: nobody knows; it may take effect
 * at any time after its invocation, or never.
 */
export type Outcome = "ok" | "fail" | "info";

/** One invocation and how it ended. Times are nanoseconds on one clock, from any zero. */
export interface Operation {
  readonly process: number;
  readonly f: string;
  /** null: not about one key; such operations form a partition of their own. */
  readonly key: string | null;
  /** What was asked for; its shape is the model's. */
  readonly input: unknown;
  /** The answer; read only where the outcome is ok. */
  readonly output: unknown;
  readonly invokedNs: number;
  /** null: it never ended, or its outcome is unknown. Taken as open where the outcome is info. */
  readonly completedNs: number | null;
  readonly outcome: Outcome;
  readonly node?: string;
  readonly error?: string;
}

/** Text that is equal for equal values: object members are sorted. */
export function canonical(value: unknown): string {
  if (Number.isFinite(value)) return String(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`;
}

/** One line: `process 3: cas x [1,2] -> ok (12.000-15.200 ms)`. */
export function describe(operation: Operation): string {
  const { f, key, input, output, invokedNs, completedNs, outcome } = operation;
  const ms = (ns: number): string => (ns / 1e6).toFixed(3);
  const asked = input === null || input === undefined ? "" : ` ${canonical(input)}`;
  const answer = outcome === "ok" ? canonical(output) : outcome === "info" ? "unknown" : "failed";
  const end = outcome === "info" || completedNs === null ? "open" : ms(completedNs);
  return `process ${operation.process}: ${f}${key === null ? "" : ` ${key}`}${asked} -> ${answer} (${ms(invokedNs)}-${end} ms)`;
}
