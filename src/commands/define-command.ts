import type { ErrorKind } from "../base/errors.js";
import type { Keyspace } from "../store/keyspace.js";
import type { CommandView } from "./command-codec.js";
import { type KeyPositions, type KeySpec, positionsOf } from "./key-specs.js";
import type { ReplySink } from "./reply-sink.js";

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

/** What a command works on: an ACL category of Redis. */
export type CommandGroup = "string" | "bitmap" | "list" | "hash" | "set" | "sortedset" | "keyspace";

/** A subcommand, for COMMAND INFO: the command itself is run under its own name. */
export interface Subcommand {
  /** Lower case. */
  readonly name: string;
  /** Redis's arity, both names included; negative: at least. */
  readonly arity: number;
  /** False for HELP, which has no key. */
  readonly hasKey: boolean;
}

/** What is written down of a command; everything else follows from it. */
export interface CommandDeclaration {
  /** Upper case, as Redis spells it. */
  readonly name: string;
  /** Wire number, never reused. */
  readonly opcode: number;
  readonly group?: CommandGroup;
  readonly access: "read" | "write";
  /** True where Redis holds it for O(1) or O(log n). */
  readonly fast?: boolean;
  /** True where Redis warns administrators of it (KEYS, FLUSHALL). */
  readonly dangerous?: boolean;
  readonly complexity: string;
  readonly summary: string;
  /** Redis's syntax line without the name: "key value [NX | XX]". */
  readonly syntax: string;
  /** Redis's arity, where it doesn't follow from the syntax. */
  readonly arity?: number;
  /** Its keys in rising order; empty or absent without keys. */
  readonly keySpecs?: readonly KeySpec[];
  readonly subcommands?: readonly Subcommand[];
  /** "none" without. */
  readonly cutting?: Cutting;
  /** What the reply is, for the reference. */
  readonly reply: string;
  /** With "out-of-memory" it is refused when memory is full; a write without it still runs then. */
  readonly errors: readonly ErrorKind[];
  /** False where Redis takes it though memory is full, but here it may be refused (RENAME to a longer name). */
  readonly denyoom?: boolean;
  /** Redis's command tips, for clients. */
  readonly tips?: readonly string[];
  /** True where it looks at a key without using it (TTL, OBJECT): eviction takes no notice of that. */
  readonly looks?: boolean;
  /**
   * Checks everything, then changes; what it refuses it refuses the same way on every replica, and once it
   * changes something it can't fail. Writes exactly one reply.
   */
  run(keyspace: Keyspace, args: CommandView, reply: ReplySink): void;
}

export interface CommandDefinition extends CommandDeclaration {
  readonly since: string;
  /** Redis's arity, the name included; negative: at least. */
  readonly arity: number;
  readonly keys: KeyPositions | null;
  readonly cutting: Cutting;
  /** Redis's command flags for COMMAND INFO, such as "write", "denyoom", "fast". */
  readonly flags: readonly string[];
  /** Redis's ACL categories without "@", such as "string". */
  readonly categories: readonly string[];
  /** True where it may run though memory is full (DEL, EXPIRE): growth isn't refused for it. */
  readonly frees: boolean;
}

/** Declares a command: the one place that protocols, documents and rights derive from. */
export function defineCommand(declaration: CommandDeclaration): CommandDefinition {
  const { access, group, fast = false, dangerous = false, keySpecs = [], cutting = "none" } = declaration;
  const keys = positionsOf(keySpecs);
  const grows = declaration.errors.includes("out-of-memory");
  const flags = [access === "read" ? "readonly" : "write"];
  if (grows && declaration.denyoom !== false) flags.push("denyoom");
  if (fast) flags.push("fast");
  if (keys?.countAt !== undefined) flags.push("movablekeys");
  const categories: string[] = group === undefined ? [access] : [group, access];
  categories.push(fast ? "fast" : "slow");
  if (dangerous) categories.push("dangerous");
  return {
    ...declaration,
    since: "0.1.0",
    arity: declaration.arity ?? arityOf(declaration.syntax),
    keys,
    cutting,
    flags,
    categories,
    frees: access === "write" && !grows,
  };
}

/** Arguments outside of brackets must be there, what is in [brackets] may: then the arity is negative. */
function arityOf(syntax: string): number {
  let depth = 0;
  let needed = 1;
  let hasOptional = false;
  for (const word of syntax.split(" ").filter((each) => each !== "")) {
    if (depth === 0 && word.startsWith("[")) hasOptional = true;
    else if (depth === 0) needed++;
    for (const letter of word) {
      if (letter === "[" || letter === "<") depth++;
      else if (letter === "]" || letter === ">") depth--;
    }
  }
  return hasOptional ? -needed : needed;
}
