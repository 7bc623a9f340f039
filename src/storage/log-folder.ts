import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

/** How many damaged logs are kept for whoever wants to look at them. */
const damagedKept = 2;

/** Makes renames and new files in `folder` durable (safety 54). */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Where a new log is built while the damaged one is still in place. */
export function freshFolderOf(folder: string): string {
  return `${folder}.fresh`;
}

/** Finishes, or undoes, a replacement of the log that was cut short. */
export function settleFolder(folder: string): void {
  mkdirSync(dirname(folder), { recursive: true });
  const fresh = freshFolderOf(folder);
  if (!existsSync(fresh)) return;
  // Between the two renames the fresh log is complete and the only one; before them it may be half-built.
  if (existsSync(folder)) rmSync(fresh, { recursive: true, force: true });
  else renameSync(fresh, folder);
  syncFolder(dirname(folder));
}

/**
 * What is there to open. Without its CURRENT file LevelDB would take a folder for a new one and delete what lies in
 * it: that is damage, and must be seen before.
 */
export function inspectFolder(folder: string): "absent" | "present" | "headless" {
  if (!existsSync(folder)) return "absent";
  const names = readdirSync(folder);
  if (names.includes("CURRENT")) return "present";
  return names.some((name) => /^MANIFEST-|\.(ldb|sst|log)$/.test(name)) ? "headless" : "absent";
}

/** Moves the damaged log aside and the fresh one into its place; returns where the damaged one went. */
export function replaceFolder(folder: string): string {
  const parent = dirname(folder);
  const prefix = `${basename(folder)}.damaged-`;
  const numbers = readdirSync(parent)
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number(name.slice(prefix.length)))
    .filter((number) => Number.isSafeInteger(number))
    .sort((a, b) => a - b);
  const aside = join(parent, `${prefix}${(numbers.at(-1) ?? 0) + 1}`);
  for (const number of numbers.slice(0, Math.max(0, numbers.length - damagedKept + 1)))
    rmSync(join(parent, `${prefix}${number}`), { recursive: true, force: true });
  if (existsSync(folder)) renameSync(folder, aside);
  renameSync(freshFolderOf(folder), folder);
  syncFolder(parent);
  return aside;
}

/** What was found wrong before LevelDB opened, and so changed, the files: kept until the log itself says so. */
export function readSuspicion(folder: string): string | null {
  const file = suspicionOf(folder);
  return existsSync(file) ? readFileSync(file, "utf8") : null;
}

export function noteSuspicion(folder: string, text: string): void {
  const descriptor = openSync(suspicionOf(folder), "w");
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  syncFolder(dirname(folder));
}

export function dropSuspicion(folder: string): void {
  rmSync(suspicionOf(folder), { force: true });
}

function suspicionOf(folder: string): string {
  return `${folder}.suspect`;
}
