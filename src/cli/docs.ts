import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { renderReference } from "../commands/reference.js";

/** Documents that are derived from the command table. */
const documents = [
  {
    path: fileURLToPath(new URL("../../src/commands/COMMANDS.md", import.meta.url)),
    render: renderReference,
  },
] as const;

/** Writes them, or only says whether they are current. */
export function runDocs(options: { readonly check?: boolean }): void {
  for (const { path, render } of documents) {
    const text = render();
    if (options.check !== true) {
      writeFileSync(path, text);
      continue;
    }
    if (readFileSync(path, "utf8") === text) continue;
    process.stderr.write(`${path} is out of date: run make docs\n`);
    process.exitCode = 1;
  }
}
