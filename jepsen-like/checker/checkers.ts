import { appendTxn } from "./append-txn.js";
import { type Checker, modelChecker } from "./check.js";
import { bank } from "./models/bank.js";
import { counter } from "./models/counter.js";
import { evictable } from "./models/evictable.js";
import { leaderboard } from "./models/leaderboard.js";
import { listAppend } from "./models/list-append.js";
import { lock } from "./models/lock.js";
import { queue } from "./models/queue.js";
import { register } from "./models/register.js";
import { set } from "./models/set.js";
import { strings } from "./models/strings.js";
import { ttl } from "./ttl.js";
import { weakReads } from "./weak-reads.js";

/** By the names that `quorate check --model` takes. */
export const checkers: readonly Checker[] = [
  modelChecker(register),
  modelChecker(counter),
  modelChecker(set),
  modelChecker(listAppend),
  modelChecker(queue),
  modelChecker(leaderboard),
  modelChecker(lock),
  modelChecker(bank),
  modelChecker(evictable),
  modelChecker(strings),
  weakReads,
  ttl,
  appendTxn,
];

export function checkerOf(name: string): Checker | null {
  return checkers.find((checker) => checker.name === name) ?? null;
}
