/** How fresh a read must be; linearizable without. */
export type Consistency =
  | "linearizable"
  /** Never older than what this client has seen. */
  | "session"
  /** Whatever a replica has. */
  | "any"
  /** At most so old; refused with "too-stale" when that can't be shown. */
  | { readonly boundedMs: number };

export interface CallOptions {
  /** Patience in ms; the client's `deadlineMs` without. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

export interface ReadOptions extends CallOptions {
  readonly consistency?: Consistency;
}

/** At most one of the times. */
export interface ExpiryOptions extends CallOptions {
  readonly ttlMs?: number;
  readonly ttlSeconds?: number;
  /** Unix time in ms. */
  readonly expireAtMs?: number;
  readonly expireAtSeconds?: number;
}

export interface SetOptions extends ExpiryOptions {
  readonly keepTtl?: boolean;
  /** "absent": only if there is no such key; "present": only if there is one. */
  readonly only?: "absent" | "present";
}

export interface GetExOptions extends ExpiryOptions {
  /** Drops the deadline. */
  readonly persist?: boolean;
}

export interface ExpireOptions extends CallOptions {
  /** Only without a deadline, with one, to a later one, to an earlier one. */
  readonly only?: "none" | "some" | "later" | "earlier";
}

export interface CompareAndSetOptions extends CallOptions {
  readonly ttlMs?: number;
  readonly keepTtl?: boolean;
}

/** The option words of an expiry, as the commands take them. */
export function expiryWords(options: SetOptions & GetExOptions): (string | number)[] {
  if (options.ttlMs !== undefined) return ["PX", options.ttlMs];
  if (options.ttlSeconds !== undefined) return ["EX", options.ttlSeconds];
  if (options.expireAtMs !== undefined) return ["PXAT", options.expireAtMs];
  if (options.expireAtSeconds !== undefined) return ["EXAT", options.expireAtSeconds];
  if (options.keepTtl === true) return ["KEEPTTL"];
  if (options.persist === true) return ["PERSIST"];
  return [];
}

const onlyWords = {
  absent: "NX",
  present: "XX",
  none: "NX",
  some: "XX",
  later: "GT",
  earlier: "LT",
} as const;

export function onlyWord(only: keyof typeof onlyWords | undefined): string[] {
  return only === undefined ? [] : [onlyWords[only]];
}
