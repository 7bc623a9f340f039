import { rmSync } from "node:fs";
import { err, ok, type Result } from "../base/result.js";
import type { Durability, RecoveredLog, StorageError } from "../ports/log-storage.js";
import type { Logger } from "../ports/telemetry.js";
import type { RecordSection, RecoveredReplica } from "../raft/record.js";
import { type BootCheck, checkLog } from "./boot-check.js";
import type { DatabaseChange, LogDatabase } from "./log-database.js";
import {
  dropSuspicion,
  freshFolderOf,
  inspectFolder,
  noteSuspicion,
  readSuspicion,
  replaceFolder,
  settleFolder,
} from "./log-folder.js";
import {
  type Head,
  keys,
  recordKey,
  sealAnchor,
  sealBoot,
  sealHead,
  sealRecord,
  sealText,
} from "./log-format.js";
import { errorText, isEnvironmentError, storageError } from "./storage-error.js";
import { writeAheadProblem } from "./write-ahead-check.js";

export interface RecoverOptions {
  readonly folder: string;
  readonly durability: Durability;
  readonly log: Logger;
  readonly bootId: string;
  readonly expectExisting: boolean;
  readonly openDatabase: (location: string) => LogDatabase;
}

export interface OpenedLog {
  readonly db: LogDatabase;
  readonly check: BootCheck;
  readonly recovered: RecoveredLog;
}

/** Opens the log, proves it, and when it is damaged puts a fresh one with fenced replicas in its place. */
export async function recoverLog(options: RecoverOptions): Promise<Result<OpenedLog, StorageError>> {
  try {
    return await recover(options);
  } catch (error) {
    return err(storageError(error, "the log can't be opened"));
  }
}

async function recover(options: RecoverOptions): Promise<Result<OpenedLog, StorageError>> {
  const { folder, openDatabase } = options;
  settleFolder(folder);
  const state = inspectFolder(folder);
  if (state === "headless") return ok(await startAnew(options, null, "its CURRENT file is missing"));
  // Before LevelDB opens it: that rewrites the file.
  const problem = readSuspicion(folder) ?? (state === "present" ? writeAheadProblem(folder) : null);
  if (problem !== null) noteSuspicion(folder, problem);
  const db = openDatabase(folder);
  try {
    await db.open();
  } catch (error) {
    if (isEnvironmentError(error)) return err(storageError(error, "the log can't be opened"));
    return ok(await startAnew(options, null, errorText(error)));
  }
  try {
    return ok(await judge(options, db, problem));
  } catch (error) {
    // Otherwise its lock would outlive it, and nobody could try again.
    await db.close().catch(() => {});
    throw error;
  }
}

async function judge(
  options: RecoverOptions,
  db: LogDatabase,
  writeAhead: string | null,
): Promise<OpenedLog> {
  const check = await checkLog(db);
  const problem = check.problem ?? writeAhead;
  if (problem !== null) {
    await db.close();
    return startAnew(options, check, problem);
  }
  if (check.blank) return startBlank(options, db);
  const damage = check.formerDamage ?? lostState(options, check);
  if (damage === null || check.formerDamage !== null) {
    await db.batch([bootChange(options)], true);
    return { db, check, recovered: recoveredFrom(check, damage) };
  }
  options.log.error({ damage }, "the log may have lost records: its replicas are fenced");
  const fences = check.fold.fences();
  const records = fences.length > 0 ? recordChanges(check.head, [fences]) : [];
  await db.batch([...records, damageChange(damage), bootChange(options)], true);
  return reread(db, damage);
}

/** Loss that the records alone don't show. */
function lostState({ durability, bootId, expectExisting }: RecoverOptions, check: BootCheck): string | null {
  if (expectExisting && check.head.sequence === 0) return "the log is empty though this node had one";
  if (durability !== "buffered" || check.head.sequence === 0) return null;
  if (check.boot === null) return "the log doesn't say in which boot of the machine it was written";
  if (check.boot.bootId === bootId || check.boot.clean) return null;
  return "the machine lost power, or was reset, while the log was only buffered";
}

async function startBlank(options: RecoverOptions, db: LogDatabase): Promise<OpenedLog> {
  const damage = options.expectExisting ? "the log is empty though this node had one" : null;
  if (damage !== null) options.log.error({ damage }, "the log is lost");
  const changes = [...emptyLog(0, []), bootChange(options)];
  if (damage !== null) changes.push(damageChange(damage));
  await db.batch(changes, true);
  return reread(db, damage);
}

/**
 * Builds a log that holds what was readable, every replica fenced, and puts it in the damaged one's place. The fences
 * are durable before anybody hears of the replicas.
 */
async function startAnew(
  options: RecoverOptions,
  check: BootCheck | null,
  reason: string,
): Promise<OpenedLog> {
  const { folder, openDatabase, log } = options;
  const damage = `the log is damaged: ${reason}`;
  const location = freshFolderOf(folder);
  rmSync(location, { recursive: true, force: true });
  const last = check?.highestSequence ?? 0;
  const replicas = check?.fold.recovered() ?? [];
  const changes = emptyLog(last, replicas.map(fencedSection));
  const live = replicas.filter((replica) => replica.mark !== "removed" && replica.entries.length > 0);
  changes.push(
    ...recordChanges(
      { sequence: last, chain: 0 },
      live.map((replica) => [entriesSection(replica)]),
    ),
  );
  const fresh = openDatabase(location);
  await fresh.open();
  try {
    await fresh.batch([...changes, damageChange(damage), bootChange(options)], true);
  } finally {
    await fresh.close();
  }
  const aside = replaceFolder(folder);
  dropSuspicion(folder);
  log.error({ damage, aside, replicas: replicas.length }, "the log is damaged: its replicas are fenced");
  const db = openDatabase(folder);
  await db.open();
  return reread(db, damage);
}

/** Reads back what was just written, so that what is reported is what is there. */
async function reread(db: LogDatabase, damage: string | null): Promise<OpenedLog> {
  const check = await checkLog(db);
  if (check.problem !== null) throw new Error(`the log can't be read back: ${check.problem}`);
  return { db, check, recovered: recoveredFrom(check, damage) };
}

function recoveredFrom(check: BootCheck, damage: string | null): RecoveredLog {
  const replicas = check.fold.recovered();
  return {
    replicas,
    lastSequence: check.head.sequence,
    damage,
    empty: check.head.sequence === 0 && replicas.length === 0,
  };
}

function bootChange({ bootId }: RecoverOptions): DatabaseChange {
  return { type: "put", key: keys.boot, value: sealBoot({ bootId, clean: false }) };
}

function damageChange(damage: string): DatabaseChange {
  return { type: "put", key: keys.damage, value: sealText(damage) };
}

/** A log without records whose next one is above `last`. */
function emptyLog(last: number, sections: readonly RecordSection[]): DatabaseChange[] {
  const checkpoint = { sections, fromSequences: sections.map(() => last + 1) };
  const anchor = sealAnchor({ firstSequence: last + 1, chain: 0, checkpoint });
  return [
    { type: "put", key: keys.anchor, value: anchor },
    { type: "put", key: keys.head, value: sealHead({ sequence: last, chain: 0 }) },
  ];
}

/** Records of the given sections behind `head`, and the new head. */
function recordChanges(head: Head, records: readonly (readonly RecordSection[])[]): DatabaseChange[] {
  const changes: DatabaseChange[] = [];
  let { sequence, chain } = head;
  for (const sections of records) {
    sequence += 1;
    const sealed = sealRecord({ sequence, sections }, chain);
    chain = sealed.chain;
    changes.push({ type: "put", key: recordKey(sequence), value: sealed.value });
  }
  changes.push({ type: "put", key: keys.head, value: sealHead({ sequence, chain }) });
  return changes;
}

function fencedSection(replica: RecoveredReplica): RecordSection {
  const { range, hardState, snapshot } = replica;
  const mark = replica.mark === "removed" ? "removed" : "fenced";
  return {
    range,
    replica: replica.replica,
    reset: snapshot,
    hardState,
    entries: [],
    configuration: null,
    mark,
  };
}

function entriesSection({ range, replica, entries }: RecoveredReplica): RecordSection {
  return { range, replica, reset: null, hardState: null, entries, configuration: null, mark: "none" };
}
