import { errorForm } from "../base/errors.js";
import type { CommandDefinition, Cutting } from "./define-command.js";
import { commandTable } from "./table.js";

/** Groups by the first hundred-block of opcodes that a file of commands uses. */
const groups: readonly { readonly title: string; readonly from: number; readonly to: number }[] = [
  { title: "Strings", from: 1, to: 39 },
  { title: "Keys and deadlines", from: 40, to: 79 },
  { title: "Whole keyspace", from: 80, to: 99 },
  { title: "Revisions (Quorate's own)", from: 100, to: 119 },
  { title: "Lists", from: 120, to: 149 },
  { title: "Hashes", from: 150, to: 179 },
  { title: "Sets", from: 180, to: 209 },
  { title: "Sorted sets", from: 210, to: 259 },
];

const atomicity: Record<Cutting, string> = {
  none: "atomic; several keys must lie in one range",
  array: "atomic per range, joined by key",
  sum: "atomic per range, results added",
  status: "atomic per range; outcome unknown as a whole when one part is",
  "every-range": "runs on every range, atomic on each",
  "any-reply": "runs on every range, atomic on each; one of the replies is drawn",
  cursor: "runs on one range after the other, from call to call",
};

/** The command reference as Markdown: what `COMMANDS.md` beside this file holds. */
export function renderReference(): string {
  const lines = [
    "# Commands",
    "",
    "Generated from the command table. Replies and error texts are those of Redis 7.0.15 unless a command is",
    "marked as Quorate's own. Reads are linearizable unless the request asks for less; writes are acknowledged",
    "once a majority has them.",
  ];
  for (const group of groups) {
    lines.push("", `## ${group.title}`);
    for (const definition of commandTable) {
      if (definition.opcode >= group.from && definition.opcode <= group.to) describe(definition, lines);
    }
  }
  return `${lines.join("\n")}\n`;
}

function describe(definition: CommandDefinition, lines: string[]): void {
  const usage = definition.syntax === "" ? definition.name : `${definition.name} ${definition.syntax}`;
  const several =
    definition.keys === null ||
    definition.keys.last !== definition.keys.first ||
    definition.keys.countAt !== undefined;
  lines.push("", `### ${definition.name}`, "", definition.summary, "", "```", usage, "```", "");
  lines.push(`- Reply: ${definition.reply}`);
  lines.push(`- Kind: ${definition.access}, ${definition.complexity}`);
  lines.push(`- Atomicity: ${several ? atomicity[definition.cutting] : "atomic"}`);
  for (const kind of definition.errors) {
    const form = errorForm(kind);
    lines.push(`- Error ${kind}: \`${form.resp} ${form.message}\``);
  }
  if (definition.access === "write" && definition.frees) lines.push("- Still runs when memory is full");
  lines.push(`- Since ${definition.since}`);
}
