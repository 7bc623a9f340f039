import { below } from "#quorate/base/random.js";
import type { Door, Plain, RunOptions } from "../doors/door.js";
import { byKey, describe, findingOf, inRealTime } from "./findings.js";
import {
  type Completion,
  completed,
  conflict,
  type Finding,
  type Invocation,
  type Load,
  type Observed,
  type Worker,
  type Workload,
} from "./workload.js";

const banks = 4;
const accounts = 5;
const opening = 100;

/** How many transfers there were, and what each account holds. */
interface Ledger {
  readonly transfers: number;
  readonly balances: readonly number[];
}

interface Transfer {
  readonly from: number;
  readonly to: number;
  readonly amount: number;
}

const encode = ({ transfers, balances }: Ledger): string => [transfers, ...balances].join(",");
const openingLedger: Ledger = { transfers: 0, balances: Array<number>(accounts).fill(opening) };

function decode(text: string): Ledger {
  const [transfers = -1, ...balances] = text.split(",").map(Number);
  return { transfers, balances };
}

/** Money moves between accounts, whose balances lie in one value, by compare-and-set on its revision. */
class BankLoad implements Load {
  next({ random, door }: Worker): Invocation {
    const key = `bank:${below(random, banks)}`;
    if (!door.has("QUORATE.CAS") || below(random, 10) < 3) return { f: "read", key, value: null };
    const from = below(random, accounts);
    const to = (from + 1 + below(random, accounts - 1)) % accounts;
    return { f: "transfer", key, value: { from, to, amount: 1 + below(random, 20) } satisfies Transfer };
  }

  async run({ f, key, value }: Invocation, door: Door, options: RunOptions): Promise<Completion> {
    const read = await door.run([door.has("QUORATE.GETREV") ? "QUORATE.GETREV" : "GET", key], options);
    const held = completed(read, (reply: Plain) => reply);
    // A read changes nothing, whatever became of it.
    if (held.type !== "ok") return f === "read" ? held : { type: "fail", error: held.error };
    const [text, revision] = foundIn(held.value as Plain);
    const ledger = text === null ? openingLedger : decode(text);
    if (f === "read") return { type: "ok", value: ledger };
    const { from, to, amount } = value as Transfer;
    if (ledger.balances[from]! < amount) return { type: "fail", error: conflict };
    const after: Ledger = {
      transfers: ledger.transfers + 1,
      balances: ledger.balances.map((balance, i) => balance + (i === to ? amount : i === from ? -amount : 0)),
    };
    return completed(await door.run(["QUORATE.CAS", key, revision, encode(after)], options), () => after);
  }

  final(): readonly Invocation[] {
    return Array.from({ length: banks }, (_, i) => ({ f: "read", key: `bank:${i}`, value: null }));
  }
}

function foundIn(reply: Plain): readonly [text: string | null, revision: number] {
  if (reply === null) return [null, 0];
  if (typeof reply === "string") return [reply, 0];
  const [text, revision] = reply as unknown as readonly [string, number];
  return [text, revision];
}

function checkBank(operations: readonly Observed[], problems: string[]): void {
  const done = operations.filter(({ type }) => type === "ok");
  const ledgerOf = ({ result }: Observed): Ledger => result as Ledger;
  const transfersBy = (operation: Observed): number => ledgerOf(operation).transfers;
  const byNumber = new Map<number, Observed>();
  for (const operation of done) {
    const { transfers, balances } = ledgerOf(operation);
    const total = balances.reduce((sum, balance) => sum + balance, 0);
    if (total !== accounts * opening || balances.some((balance) => balance < 0))
      problems.push(`money came or went: ${describe(operation)}`);
    // The n-th transfer happens once: whoever sees n transfers sees the same balances.
    const other = byNumber.get(transfers);
    if (other === undefined) byNumber.set(transfers, operation);
    else if (encode(ledgerOf(other)) !== encode(ledgerOf(operation)))
      problems.push(
        `two ledgers after ${transfers} transfers: ${describe(other)} and ${describe(operation)}`,
      );
    else if (other.f === "transfer" && operation.f === "transfer")
      problems.push(`two transfers became one: ${describe(other)} and ${describe(operation)}`);
    if (operation.f === "transfer" || other === undefined) byNumber.set(transfers, operation);
  }
  inRealTime(done, done, transfersBy, (before, operation) => {
    const least = transfersBy(before) + (operation.f === "transfer" ? 1 : 0);
    if (transfersBy(operation) < least)
      problems.push(`older than ${describe(before)}: ${describe(operation)}`);
  });
}

export const bank: Workload = {
  name: "bank",
  model: null,
  start: () => new BankLoad(),
  check: (history): Finding => {
    const problems: string[] = [];
    for (const operations of byKey(history).values()) checkBank(operations, problems);
    return findingOf(problems);
  },
};
