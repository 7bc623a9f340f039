import { DecodeError } from "../base/bytes.js";
import type { LogDatabase } from "./log-database.js";
import {
  type Anchor,
  type BootMark,
  type Head,
  keys,
  openAnchor,
  openBoot,
  openHead,
  openRecord,
  openText,
  sequenceOfKey,
} from "./log-format.js";
import { ReplicaFold } from "./replica-fold.js";
import { errorText } from "./storage-error.js";

/** What a database holds, proven from the anchor to the head, or how far that went. */
export interface BootCheck {
  readonly fold: ReplicaFold;
  readonly firstSequence: number;
  /** Last record that is proven. */
  readonly head: Head;
  /** Highest sequence seen anywhere, proven or not: numbering goes on above it. */
  readonly highestSequence: number;
  /** Of the proven records. */
  readonly sizeBytes: number;
  readonly boot: BootMark | null;
  /** Damage that was found earlier and that no record followed yet. */
  readonly formerDamage: string | null;
  /** Not null: records are missing or wrong. Says why. */
  readonly problem: string | null;
  /** Nothing at all was ever written here. */
  readonly blank: boolean;
}

/** Bytes that a record takes besides its value, about. */
export const recordOverheadBytes = 24;

/** A value under a fixed key: absent, readable, or a problem. */
async function readSealed<T>(
  db: LogDatabase,
  key: string,
  open: (value: Uint8Array) => T,
  problems: string[],
): Promise<T | null> {
  try {
    const value = await db.get(key);
    return value === undefined ? null : open(value);
  } catch (error) {
    problems.push(`the ${key} can't be read: ${errorText(error)}`);
    return null;
  }
}

/**
 * Reads everything from the anchor on. LevelDB skips what it finds corrupt without a word (safety 50), so nothing
 * that it returns is believed before the chain proves it. Never throws: what can't be read is a problem.
 */
export async function checkLog(db: LogDatabase): Promise<BootCheck> {
  const problems: string[] = [];
  const anchor = await readSealed(db, keys.anchor, openAnchor, problems);
  const head = await readSealed(db, keys.head, openHead, problems);
  const boot = await readSealed(db, keys.boot, openBoot, problems);
  const formerDamage = await readSealed(db, keys.damage, openText, problems);
  const records = await checkRecords(db, anchor, problems);
  const nothingFound = anchor === null && head === null && boot === null && records.highestSequence === 0;
  const blank = nothingFound && problems.length === 0;
  if (!blank) {
    if (anchor === null) problems.push("its anchor is missing");
    if (head === null) problems.push("its head is missing");
    else if (problems.length === 0 && !sameHead(head, records.head))
      problems.push(`it ends at record ${records.head.sequence}, its head says ${head.sequence}`);
  }
  return {
    fold: records.fold,
    firstSequence: anchor?.firstSequence ?? 1,
    head: records.head,
    highestSequence: Math.max(records.highestSequence, head?.sequence ?? 0),
    sizeBytes: records.sizeBytes,
    boot,
    formerDamage,
    problem: problems[0] ?? null,
    blank,
  };
}

export function sameHead(a: Head, b: Head): boolean {
  return a.sequence === b.sequence && a.chain === b.chain;
}

interface CheckedRecords {
  readonly fold: ReplicaFold;
  readonly head: Head;
  readonly highestSequence: number;
  readonly sizeBytes: number;
}

/** Proves chain and contiguity; after the first problem only the highest sequence is still looked for. */
async function checkRecords(
  db: LogDatabase,
  anchor: Anchor | null,
  problems: string[],
): Promise<CheckedRecords> {
  const fold = new ReplicaFold(true);
  const first = anchor?.firstSequence ?? 1;
  let head: Head = { sequence: first - 1, chain: anchor?.chain ?? 0 };
  let highestSequence = head.sequence;
  let sizeBytes = 0;
  if (anchor !== null)
    fold.restore(anchor.checkpoint, { sequence: first, startBytes: 0, chainBefore: anchor.chain });
  const visit = (key: string, value: Uint8Array): boolean => {
    let sequence = 0;
    try {
      sequence = sequenceOfKey(key);
      // Left over from a trim that was cut short.
      if (sequence < first) return true;
      highestSequence = Math.max(highestSequence, sequence);
      if (problems.length > 0) return true;
      const { record, chain } = openRecord(value, sequence, head.chain);
      const place = { sequence, startBytes: sizeBytes, chainBefore: head.chain };
      for (const section of record.sections) {
        const problem = fold.fold(section, place);
        if (problem !== null) throw new DecodeError(problem);
      }
      head = { sequence, chain };
      sizeBytes += value.length + recordOverheadBytes;
    } catch (error) {
      problems.push(`record ${sequence} after record ${head.sequence}: ${errorText(error)}`);
    }
    return true;
  };
  try {
    await db.scan(keys.firstRecord, keys.afterRecords, visit);
  } catch (error) {
    problems.push(`reading stopped after record ${head.sequence}: ${errorText(error)}`);
  }
  return { fold, head, highestSequence, sizeBytes };
}
