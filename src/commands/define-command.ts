import type { ErrorKind } from "../base/errors.js";
import type { Keyspace } from "../store/keyspace.js";
import type { CommandView } from "./command-codec.js";
import type { ReplySink } from "./reply-sink.js";

/**
 * Which arguments are keys, by position after the name: from `first` to `last` (-1 the last) by `step`. As in
 * Redis the first argument has position 1; `cut.ts` turns positions into arguments of a `CommandView`.
 */
export interface KeyPositions {
  /** 0 with `last` 0 where all keys are counted ones. */
  readonly first: number;
  readonly last: number;
  readonly step: number;
  /** Position of the argument that says how many keys follow it (ZUNION's numkeys). */
  readonly countAt?: number;
}

/**
 * How a command over several slots or ranges is cut and its parts' replies are joined:
 * "none": all keys must lie in one range (else cross-slot);
 * "array": part replies are arrays, joined by the position of each key;
 * "sum": integers, added; "status": every part says OK;
 * "every-range": no keys, runs on each range, integers are added, arrays joined, statuses are one;
 * "any-reply": no keys, runs on each range, one of the replies that aren't nil is drawn;
 * "cursor": no keys, the first argument is a cursor that names the slot to go on from.
 */
export type Cutting = "none" | "array" | "sum" | "status" | "every-range" | "any-reply" | "cursor";

export interface CommandDefinition {
  /** Upper case, as Redis spells it. */
  readonly name: string;
  /** Wire number, never reused. */
  readonly opcode: number;
  readonly access: "read" | "write";
  readonly since: string;
  readonly complexity: string;
  readonly summary: string;
  /** Redis's syntax line without the name: "key value [NX | XX]". */
  readonly syntax: string;
  /** Redis's arity, the name included; negative: at least. */
  readonly arity: number;
  readonly keys: KeyPositions | null;
  readonly cutting: Cutting;
  /** What the reply is, for the reference. */
  readonly reply: string;
  readonly errors: readonly ErrorKind[];
  /** Redis's command flags for COMMAND INFO, such as "write", "denyoom", "fast". */
  readonly flags: readonly string[];
  /** Redis's ACL categories without "@", such as "string". */
  readonly categories: readonly string[];
  /** True where it looks at a key without using it (TTL, OBJECT): eviction takes no notice of that. */
  readonly looks?: boolean;
  /** True where it may run though memory is full (DEL, EXPIRE): growth isn't refused for it. */
  readonly frees?: boolean;
  /**
   * Checks everything, then changes; what it refuses it refuses the same way on every replica, and once it
   * changes something it can't fail. Writes exactly one reply.
   */
  run(keyspace: Keyspace, args: CommandView, reply: ReplySink): void;
}

/** Declares a command: the one place that protocols, documents and rights derive from. */
export function defineCommand(definition: CommandDefinition): CommandDefinition {
  return definition;
}
