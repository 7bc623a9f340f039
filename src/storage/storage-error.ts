import type { StorageError } from "../ports/log-storage.js";

/** All messages of an error and its causes: LevelDB's own text is in the innermost. */
export function errorText(error: unknown): string {
  const texts: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) texts.push(at.message);
  return texts.length > 0 ? texts.join(": ") : String(error);
}

export function storageError(error: unknown, what: string): StorageError {
  const text = errorText(error);
  const full = /No space left on device|Disk quota exceeded|ENOSPC|EDQUOT/.test(text);
  return { kind: full ? "disk-full" : "failed", message: `${what}: ${text}` };
}

/** Errors of opening that say nothing about the data: another process has it, rights, too many open files. */
export function isEnvironmentError(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ("code" in at && at.code === "LEVEL_LOCKED") return true;
    if (/Permission denied|Too many open files|Read-only file system|EACCES|EMFILE|EROFS/.test(at.message))
      return true;
  }
  return storageError(error, "").kind === "disk-full";
}
