import { assert } from "../base/assert.js";
import type { LogIndex, Term } from "../base/units.js";

/**
 * Records handed to storage and not yet durable: what each one makes durable. Truncating the log cuts the claims of
 * all records in flight, so an index that was meanwhile replaced under another term never counts (safety 10), not even
 * when a third leader puts the first entry back.
 */
export class RecordsInFlight {
  private readonly tokens: number[] = [];
  private readonly lastIndexes: LogIndex[] = [];
  private readonly terms: Term[] = [];
  /** The highest term that is durable. */
  durableTerm: Term;

  constructor(durableTerm: Term) {
    this.durableTerm = durableTerm;
  }

  /** The record of Ready `token` holds the log up to `lastIndex` and the hard state's `term`. */
  add(token: number, lastIndex: LogIndex, term: Term): void {
    this.tokens.push(token);
    this.lastIndexes.push(lastIndex);
    this.terms.push(term);
  }

  /** Entries above `index` are gone: no record in flight proves anything about them. */
  cut(index: LogIndex): void {
    const claims = this.lastIndexes;
    for (let i = claims.length - 1; i >= 0 && claims[i]! > index; i--) claims[i] = index;
  }

  /** All records up to `token` are durable. Returns the index up to which they hold today's log, 0 for none. */
  persisted(token: number): LogIndex {
    let count = 0;
    while (count < this.tokens.length && this.tokens[count]! <= token) count++;
    if (count === 0) return 0;
    const index = this.lastIndexes[count - 1]!;
    const term = this.terms[count - 1]!;
    assert(term >= this.durableTerm, "a durable term never goes back");
    this.durableTerm = term;
    this.tokens.splice(0, count);
    this.lastIndexes.splice(0, count);
    this.terms.splice(0, count);
    return index;
  }
}
