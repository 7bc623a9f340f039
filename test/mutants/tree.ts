import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const project = fileURLToPath(new URL("../../", import.meta.url));
const left = new Set(["node_modules", ".git", ".quorate", ".chaos", ".cache", "coverage"]);

/** A copy of the project with its packages, where a mutant does no harm. */
export function copyOfProject(): string {
  const folder = mkdtempSync(join(tmpdir(), "quorate-mutant-"));
  for (const name of readdirSync(project)) {
    if (left.has(name)) continue;
    cpSync(join(project, name), join(folder, name), { recursive: true, verbatimSymlinks: true });
  }
  symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
  return folder;
}

export function removeCopy(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
