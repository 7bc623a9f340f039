import { crc32c } from "../../src/base/crc.js";
import type { LogIndex, ReplicaId, Term } from "../../src/base/units.js";
import type { Replica } from "../../src/node/replica.js";
import type { LogStorage } from "../../src/ports/log-storage.js";
import type { NodeRecord, RecordSection } from "../../src/raft/record.js";
import { getOr } from "./get-or.js";
import type { QueueBounds } from "./queue-bounds.js";

interface Durable {
  term: Term;
  vote: ReplicaId;
  commit: LogIndex;
}

/** How a node's disk lost what had been promised. Of a tail that is gone only the other nodes know. */
export type Loss = "power" | "wipe" | "bit-flip" | "lose-tail";

/** What is durable never goes back, starts of a node included, and entries are what they were (log matching). */
export class DurableState {
  /** Node → range/replica → what was told to be durable last. */
  private readonly durable = new Map<number, Map<string, Durable>>();
  /** range/index/term → content and the term before it: log matching follows by induction. */
  private readonly entries = new Map<string, { readonly crc: number; readonly before: Term | undefined }>();
  /** range/replica of those whose node knows that they lost state: they never vote again. */
  private readonly lost = new Set<string>();

  constructor(
    private readonly queues: QueueBounds,
    private readonly fail: (what: string) => never,
  ) {}

  /** A disk loses state on purpose. Terms and votes outlive even a power loss under a buffered log. */
  loseState(at: number, loss: Loss): void {
    const ofNode = this.durable.get(at) ?? new Map<string, Durable>();
    if (loss === "power") for (const state of ofNode.values()) state.commit = 0;
    else this.durable.delete(at);
    if (loss !== "lose-tail") for (const name of ofNode.keys()) this.lost.add(name);
  }

  /** A replica is seen for the first time since its node started. */
  started(at: number, replica: Replica): void {
    const name = nameOf(replica);
    const durable = this.durable.get(at)?.get(name);
    if (durable === undefined) return;
    const { term, vote, commit } = replica.group.status();
    if (term < durable.term)
      this.fail(`replica ${name} starts in term ${term}, it was in ${durable.term} (safety 1)`);
    if (term === durable.term && durable.vote !== 0 && vote !== durable.vote)
      this.fail(
        `replica ${name} starts with vote ${vote} in term ${term}, it had ${durable.vote} (safety 1)`,
      );
    if (commit < durable.commit)
      this.fail(`replica ${name} starts with commit ${commit}, it had ${durable.commit}`);
  }

  /** `before`: how it voted when it was looked at last, null at the first look. */
  look(replica: Replica, before: { readonly term: Term; readonly vote: ReplicaId } | null): void {
    if (!this.lost.has(nameOf(replica))) return;
    const { term, vote, role } = replica.group.status();
    const votes = before !== null && vote !== 0 && (vote !== before.vote || term !== before.term);
    if (votes || role === "leader" || role === "candidate")
      this.fail(`replica ${nameOf(replica)} lost its state, and takes part in elections (safety 35, 53)`);
  }

  /** Looks at every record that becomes durable. */
  watchLog(at: number, log: LogStorage): LogStorage {
    const watch = this;
    // Of this start alone: a crash may have kept records that were never reported.
    const terms = new Map<string, Map<LogIndex, Term>>();
    return {
      open: (done) => log.open(done),
      append(record: NodeRecord, done) {
        log.append(record, (error) => {
          if (error === null) for (const section of record.sections) watch.wasWritten(at, section, terms);
          done(error);
        });
      },
      oldestHolder: () => log.oldestHolder(),
      trim: (resets, done) => log.trim(resets, done),
      sizeBytes: () => log.sizeBytes(),
      close: (done) => log.close(done),
    };
  }

  private wasWritten(at: number, section: RecordSection, written: Map<string, Map<LogIndex, Term>>): void {
    const { range, replica, hardState } = section;
    const name = `${range}/${replica}`;
    const ofNode = getOr(this.durable, at, () => new Map<string, Durable>());
    const durable = getOr(ofNode, name, () => ({ term: 0, vote: 0, commit: 0 }));
    const terms = getOr(written, name, () => new Map<LogIndex, Term>());
    if (hardState !== null) {
      const { term, vote, commit } = hardState;
      if (term < durable.term)
        this.fail(`replica ${name} writes term ${term} after ${durable.term} (safety 1)`);
      if (term === durable.term && durable.vote !== 0 && vote !== durable.vote)
        this.fail(`replica ${name} writes votes for ${durable.vote} and ${vote} in term ${term} (safety 1)`);
      if (commit < durable.commit)
        this.fail(`replica ${name} writes commit ${commit} after ${durable.commit}`);
      durable.term = term;
      durable.vote = vote;
      durable.commit = commit;
    }
    if (section.reset !== null) {
      terms.clear();
      terms.set(section.reset.index, section.reset.term);
    }
    for (const entry of section.entries) {
      this.queues.checkEntry(entry);
      const key = `${range}/${entry.index}/${entry.term}`;
      const known = this.entries.get(key);
      const before = terms.get(entry.index - 1);
      const crc = crc32c(entry.data) ^ entry.type;
      if (known === undefined) this.entries.set(key, { crc, before });
      else if (known.crc !== crc) this.fail(`entry ${key} has two contents (log matching)`);
      else if (known.before !== undefined && before !== undefined && known.before !== before)
        this.fail(`entry ${key} follows one of term ${known.before} and one of ${before} (log matching)`);
      terms.set(entry.index, entry.term);
    }
  }
}

function nameOf({ range, id }: Replica): string {
  return `${range}/${id}`;
}
