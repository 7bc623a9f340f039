import type { ErrorKind } from "../base/errors.js";
import { slotOf } from "../base/slot.js";
import type { Slot } from "../base/units.js";
import type { ConsistencyLevel } from "../commands/command-codec.js";
import { placedKeys } from "../commands/cut.js";
import type { Cutting } from "../commands/define-command.js";
import { parsedNumber, parseInteger } from "../commands/integer.js";
import type { KeyPositions } from "../commands/key-specs.js";
import type { ReplyValue } from "../commands/reply-codec.js";
import type { Lane } from "./lane.js";

/** What the core needs of a command's definition. */
export interface CommandShape {
  readonly opcode: number;
  readonly access: "read" | "write";
  readonly keys: KeyPositions | null;
  readonly cutting: Cutting;
}

export interface CallRequest {
  readonly shape: CommandShape;
  readonly args: readonly Uint8Array[];
  readonly deadlineAtMs: number;
  /** Writes take effect exactly once and are retried. */
  readonly inSession: boolean;
  /** For reads. */
  readonly level: ConsistencyLevel;
  readonly maxAgeMs: number;
}

export interface CallError {
  readonly kind: ErrorKind | "aborted" | "closed";
  readonly message: string | null;
  /** "definite": the command did not and will never take effect. */
  readonly outcome: "definite" | "unknown";
}

export type CallResult =
  | { readonly ok: true; readonly value: ReplyValue }
  | { readonly ok: false; readonly error: CallError };

/** One call of the application. */
export interface Call {
  readonly request: CallRequest;
  readonly parts: Part[];
  unsettled: number;
  settled: boolean;
}

/** What goes to one range, or inside a session to one slot: a whole call mostly. */
export interface Part {
  readonly call: Call;
  /** -1 for commands without keys. */
  readonly slot: Slot | -1;
  readonly args: readonly Uint8Array[];
  /** Which keys of the call these are; null: the part is the whole call. */
  readonly positions: readonly number[] | null;
  lane: Lane | null;
  session: number;
  sequence: number;
  /** Rises with every attempt: replies to older ones don't count. */
  attempt: number;
  inFlight: boolean;
  node: string;
  /** An attempt may have taken effect, or may yet. */
  unknown: boolean;
  settled: boolean;
  result: CallResult | null;
  refusals: number;
  renewals: number;
  /** While it waits for its next attempt. */
  retryAtMs: number;
  /** The last definite refusal. */
  refusal: CallError | null;
}

/** Cuts a call where its keys lie: by slot inside a session, else by what `placeOf` says (the range). */
export function cutCall(call: Call, placeOf: (slot: Slot) => string | number): Part[] {
  const { shape, args } = call.request;
  const keys = keyArguments(shape.keys, args);
  if (keys.length === 0) return [partOf(call, -1, args, null)];
  const slots = keys.map((at) => slotOf(args[at]!));
  const first = slots[0]!;
  if (shape.cutting === "none" || slots.every((slot) => slot === first))
    return [partOf(call, first, args, null)];
  const groups = new Map<string | number, number[]>();
  for (let i = 0; i < slots.length; i++) {
    const place = placeOf(slots[i]!);
    const group = groups.get(place);
    if (group === undefined) groups.set(place, [i]);
    else group.push(i);
  }
  if (groups.size === 1) return [partOf(call, first, args, null)];
  const { first: firstKey, step } = shape.keys!;
  const parts: Part[] = [];
  for (const positions of groups.values()) {
    const own = positions.flatMap((i) => args.slice(firstKey - 1 + i * step, firstKey - 1 + (i + 1) * step));
    parts.push(partOf(call, slots[positions[0]!]!, own, positions));
  }
  return parts;
}

function partOf(
  call: Call,
  slot: Slot | -1,
  args: readonly Uint8Array[],
  positions: readonly number[] | null,
): Part {
  return {
    call,
    slot,
    args,
    positions,
    lane: null,
    session: 0,
    sequence: 0,
    attempt: 0,
    inFlight: false,
    node: "",
    unknown: false,
    settled: false,
    result: null,
    refusals: 0,
    renewals: 0,
    retryAtMs: 0,
    refusal: null,
  };
}

function keyArguments(keys: KeyPositions | null, args: readonly Uint8Array[]): number[] {
  const found: number[] = [];
  if (keys === null) return found;
  const placed = placedKeys(keys, args.length);
  for (let n = 0; n < placed; n++) found.push(keys.first - 1 + n * keys.step);
  const { countAt } = keys;
  const counter = countAt === undefined ? undefined : args[countAt - 1];
  if (countAt === undefined || counter === undefined || !parseInteger(counter, 0, counter.length))
    return found;
  if (parsedNumber < 1 || parsedNumber > args.length - countAt) return found;
  for (let n = 0; n < parsedNumber; n++) found.push(countAt + n);
  return found;
}

const unknownOutcome: CallError = { kind: "outcome-unknown", message: null, outcome: "unknown" };

/**
 * Joins the results of a call's parts. A write of which one part applied or is unknown while another failed is
 * unknown as a whole.
 */
export function joinParts(call: Call): CallResult {
  const { parts, request } = call;
  if (parts.length === 1) return parts[0]!.result!;
  let failure: CallError | null = null;
  let applied = false;
  let unknown = false;
  for (const { result } of parts) {
    if (result!.ok) applied = true;
    else {
      failure ??= result!.error;
      if (result!.error.outcome === "unknown") unknown = true;
    }
  }
  if (failure !== null) {
    if (request.shape.access === "read" || !(applied || unknown)) return { ok: false, error: failure };
    const keepsKind = failure.kind === "aborted" || failure.kind === "closed";
    return { ok: false, error: keepsKind ? { ...failure, outcome: "unknown" } : unknownOutcome };
  }
  return { ok: true, value: joinValues(call) };
}

function joinValues(call: Call): ReplyValue {
  const values = call.parts.map(({ result }) => (result as { readonly value: ReplyValue }).value);
  switch (call.request.shape.cutting) {
    case "sum":
      return {
        type: "integer",
        value: values.reduce((sum, value) => sum + (value.type === "integer" ? Number(value.value) : 0), 0),
      };
    case "array": {
      const items: ReplyValue[] = [];
      for (let p = 0; p < values.length; p++) {
        const value = values[p]!;
        if (value.type !== "array") continue;
        const positions = call.parts[p]!.positions!;
        for (let i = 0; i < positions.length; i++) items[positions[i]!] = value.items[i] ?? { type: "nil" };
      }
      return { type: "array", items };
    }
    default:
      return values[0]!;
  }
}
