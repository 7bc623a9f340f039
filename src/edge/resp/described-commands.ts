import type { CommandDefinition, Subcommand } from "../../commands/define-command.js";
import type { KeyPositions, KeySpec } from "../../commands/key-specs.js";
import { commandTable } from "../../commands/table.js";
import { type LocalCommand, localCatalogue } from "./local-catalogue.js";

/** A command, or a subcommand, as COMMAND tells of it. */
export interface DescribedCommand {
  /** Lower case; of a subcommand "object|encoding". */
  readonly name: string;
  /** Redis's arity: all names included; negative: at least. */
  readonly arity: number;
  readonly flags: readonly string[];
  /** Without "@". */
  readonly categories: readonly string[];
  readonly keys: KeyPositions | null;
  readonly keySpecs: readonly KeySpec[];
  readonly tips: readonly string[];
  readonly subcommands: readonly DescribedCommand[];
  readonly summary: string;
  readonly since: string;
  readonly complexity: string;
  /** Redis's group in the documentation, such as "sorted-set". */
  readonly group: string;
}

const keyless = { keys: null, keySpecs: [], tips: [], subcommands: [] } as const;

function ofTable(command: CommandDefinition): DescribedCommand {
  const described: DescribedCommand = {
    name: command.name.toLowerCase(),
    arity: command.arity,
    flags: command.flags,
    categories: command.categories,
    keys: command.keys,
    keySpecs: command.keySpecs ?? [],
    tips: command.tips ?? [],
    subcommands: [],
    summary: command.summary,
    since: command.since,
    complexity: command.complexity,
    group: groupOf(command),
  };
  const { subcommands } = command;
  if (subcommands === undefined) return described;
  return {
    ...described,
    ...keyless,
    flags: [],
    categories: ["slow"],
    subcommands: subcommands.map((each) => ofSubcommand(described, each)),
  };
}

function ofSubcommand(command: DescribedCommand, { name, arity, hasKey }: Subcommand): DescribedCommand {
  const described = { ...command, name: `${command.name}|${name}`, arity };
  if (hasKey) return described;
  const categories = command.categories.filter((category) => category !== "read");
  return { ...described, ...keyless, flags: ["loading", "stale"], categories };
}

function ofDoor(command: LocalCommand): DescribedCommand {
  const { arity, group, summary, flags, categories, tips = [] } = command;
  return {
    ...keyless,
    name: command.name.toLowerCase(),
    arity,
    flags,
    categories,
    tips,
    summary,
    since: "0.1.0",
    complexity: "O(1)",
    group,
  };
}

/** Redis's group of a command: its data type, or generic. */
function groupOf({ group, cutting }: CommandDefinition): string {
  if (group === "sortedset") return "sorted-set";
  if (group !== undefined && group !== "keyspace") return group;
  return cutting === "every-range" ? "server" : "generic";
}

/** All commands of the door. */
export const describedCommands: readonly DescribedCommand[] = [
  ...commandTable.map(ofTable),
  ...localCatalogue.map(ofDoor),
];

const byName = new Map(
  describedCommands.flatMap((command) =>
    [command, ...command.subcommands].map((each) => [each.name, each] as const),
  ),
);

/** A command, or a subcommand as "object|encoding", in any case. */
export function findDescribed(name: string): DescribedCommand | undefined {
  return byName.get(name.toLowerCase());
}

/** A key of a command line, and what is done with it. */
export interface FoundKey {
  readonly key: string;
  readonly use: string;
}

/** The keys of a command line, name included; null where its number of keys is malformed or more than there are. */
export function keysIn(command: DescribedCommand, words: readonly string[]): FoundKey[] | null {
  const found: FoundKey[] = [];
  for (const { at, keys, step, use } of command.keySpecs) {
    let first = at;
    let end = at + 1;
    if (keys === "to-the-end") end = words.length;
    if (keys === "counted") {
      const count = /^\d+$/.test(words[at] ?? "") ? Number(words[at]) : 0;
      first = at + 1;
      end = first + count;
      if (count < 1 || end > words.length) return null;
    }
    const done = use === setUse ? useBySet(words) : use;
    for (let i = first; i < end; i += step) found.push({ key: words[i]!, use: done });
  }
  return found;
}

const setUse = "RW access update variable_flags";

/** SET reads what was there only when asked to. */
function useBySet(words: readonly string[]): string {
  return words.slice(3).some((word) => word.toUpperCase() === "GET") ? "RW access update" : "OW update";
}
