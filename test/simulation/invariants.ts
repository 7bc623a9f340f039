import { crc32c } from "../../src/base/crc.js";
import { limits } from "../../src/base/limits.js";
import { slotCount } from "../../src/base/slot.js";
import type { LogIndex, RangeId, ReplicaId, Term } from "../../src/base/units.js";
import { nullSink } from "../../src/commands/reply-sink.js";
import type { ApplyObserver, Machine } from "../../src/machine/machine.js";
import type { SessionTable } from "../../src/machine/session-table.js";
import type { Replica } from "../../src/node/replica.js";
import type { MetaTables } from "../../src/placement/tables.js";
import type { LogStorage } from "../../src/ports/log-storage.js";
import type { NodeRecord, RecordSection } from "../../src/raft/record.js";
import type { SimCluster, SimNode } from "../node/sim-cluster.js";
import type { Marks } from "./marks.js";
import { contentOf, digestAnew, StoreWatch } from "./store-watch.js";

/** One that nobody may see broken. */
export class Violation extends Error {
  override readonly name = "Violation";
}

interface Applied {
  readonly term: Term;
  readonly crc: number;
  readonly digest: string;
}

interface Durable {
  term: Term;
  vote: ReplicaId;
}

interface Seen {
  readonly replica: Replica;
  term: Term;
  vote: ReplicaId;
  commit: LogIndex;
  applied: LogIndex;
  leaderIn: Term;
  lease: boolean;
  orphans: boolean;
}

/** What must hold at every event, in forms that cost little: only the nodes in which something ran are looked at. */
export class Invariants {
  /** Range → index → what was applied there first; everybody else applies the same. */
  private readonly applied = new Map<RangeId, Applied[]>();
  /** range/term → who led it. */
  private readonly leaders = new Map<string, ReplicaId>();
  /** range/index/term → content and the term before it: log matching follows by induction. */
  private readonly entries = new Map<string, { readonly crc: number; readonly before: Term | undefined }>();
  private readonly durable = new Map<number, Map<string, Durable>>();
  private readonly seen = new Map<number, Map<RangeId, Seen>>();
  private readonly leases = new Map<RangeId, { readonly machine: SimNode; readonly replica: Replica }>();
  private readonly tables = new Map<number, MetaTables>();
  /** Folded over all that was applied. */
  hash = 0;
  elections = 0;
  /** session/sequence of commands that a session's table answered to somebody who waits. */
  private readonly answeredFromTable = new Set<string>();

  constructor(
    private readonly cluster: SimCluster,
    private readonly marks: Marks,
  ) {}

  fail(what: string): never {
    throw new Violation(what);
  }

  /** Looks at the nodes in which something ran since the last look. */
  look(): void {
    for (const machine of this.cluster.nodes) {
      if (!machine.host.touched || machine.host.paused) continue;
      machine.host.touched = false;
      if (machine.node !== null) this.lookAt(machine);
    }
  }

  private lookAt(machine: SimNode): void {
    const node = machine.node!;
    if (node.engine === undefined) return;
    const seen = getOr(this.seen, machine.at, () => new Map<RangeId, Seen>());
    for (const replica of node.engine.replicas.values()) {
      let known = seen.get(replica.range);
      if (known?.replica !== replica) {
        known = this.firstSeen(replica);
        seen.set(replica.range, known);
      }
      this.lookAtReplica(machine, known);
    }
    if (node.engine.uncommittedBytes > limits.uncommittedNodeBytes * 2)
      this.fail(`node ${machine.at} holds ${node.engine.uncommittedBytes} uncommitted bytes (safety 65)`);
    const { tables } = node.membership;
    if (tables !== null && tables !== this.tables.get(machine.at)) this.checkTables(machine, tables);
  }

  private firstSeen(replica: Replica): Seen {
    this.watchMachine(replica);
    // What it applied, or was restored from, before anybody could look.
    if (replica.applied > 0 && !replica.restoring) this.compareWithOthers(replica, replica.applied);
    return {
      replica,
      term: 0,
      vote: 0,
      commit: 0,
      applied: replica.applied,
      leaderIn: 0,
      lease: false,
      orphans: false,
    };
  }

  private lookAtReplica(machine: SimNode, known: Seen): void {
    const { replica } = known;
    const status = replica.group.status();
    const { term, vote, commit, role } = status;
    const name = `replica ${replica.id} of range ${replica.range}`;
    if (term < known.term) this.fail(`${name} goes back from term ${known.term} to ${term} (safety 1)`);
    if (term === known.term && known.vote !== 0 && vote !== known.vote)
      this.fail(`${name} voted for ${known.vote} and ${vote} in term ${term} (safety 1)`);
    if (commit < known.commit) this.fail(`${name} commits ${commit} after ${known.commit}`);
    if (commit > status.lastIndex)
      this.fail(`${name} commits ${commit}, its log ends at ${status.lastIndex}`);
    if (replica.applied > commit && !replica.restoring && replica.applied > replica.snapshotIndex)
      this.fail(`${name} has applied ${replica.applied}, committed is ${commit}`);
    known.term = term;
    known.vote = vote;
    known.commit = commit;
    if (status.configuration.outgoing.length > 0) this.marks.hit("joint configuration crossed");
    if (role === "leader") {
      known.orphans = false;
      if (known.leaderIn !== term) this.elected(known, replica, term);
      this.lookAtLease(machine, known);
    } else {
      known.lease = false;
      if (replica.outstanding > 0) known.orphans = true;
      else if (known.orphans) {
        known.orphans = false;
        this.marks.hit("completion resolved after stepping down");
      }
    }
  }

  private elected(known: Seen, replica: Replica, term: Term): void {
    known.leaderIn = term;
    const key = `${replica.range}/${term}`;
    const other = this.leaders.get(key);
    if (other !== undefined && other !== replica.id)
      this.fail(
        `replicas ${other} and ${replica.id} both lead range ${replica.range} in term ${term} (safety 1)`,
      );
    this.leaders.set(key, replica.id);
    this.elections++;
    // Leader completeness: all that was ever applied anywhere is in its log.
    const applied = this.applied.get(replica.range) ?? [];
    for (let index = applied.length - 1; index > 0 && index > applied.length - 50; index--) {
      const entry = applied[index];
      if (entry === undefined || entry.term > term) continue;
      const own = replica.group.termAt(index);
      if (own === null && index <= replica.group.status().firstIndex) break;
      if (own !== entry.term)
        this.fail(
          `leader ${replica.id} of range ${replica.range}, term ${term}, lacks entry ${index} (safety 2)`,
        );
    }
  }

  /** No two leases of a range at one true time. */
  private lookAtLease(machine: SimNode, known: Seen): void {
    const { replica } = known;
    const has = replica.group.leaseReadIndex(leaseNowOf(machine)) !== null;
    known.lease = has;
    if (!has) return;
    const holder = this.leases.get(replica.range);
    if (holder?.replica === replica) return;
    if (holder !== undefined && holder.machine.node?.engine?.replicas.get(replica.range) === holder.replica) {
      const other = holder.machine;
      const both = `replicas ${holder.replica.id} and ${replica.id} of range ${replica.range} both hold a lease`;
      if (!other.host.paused && holder.replica.group.leaseReadIndex(leaseNowOf(other)) !== null)
        this.fail(`${both} (safety 16, 17, 19)`);
    }
    this.leases.set(replica.range, { machine, replica });
  }

  /** Whether any replica of the node held a lease when it was looked at last. */
  holdsLease(at: number): boolean {
    for (const seen of this.seen.get(at)?.values() ?? []) if (seen.lease) return true;
    return false;
  }

  // Apply ----------------------------------------------------------------------------------------------------------

  private watchMachine(replica: Replica): void {
    const machine = replica.machine as Machine & { watched?: true };
    if (machine.watched) return;
    machine.watched = true;
    const { apply, skip, endRestore } = machine;
    const sinks = this.watchSessions(machine);
    const store = new StoreWatch(machine, {
      marks: this.marks,
      fail: (what) => this.fail(`range ${replica.range}: ${what}`),
      isPartitioned: () => this.cluster.network.anyBlocked,
      leads: () => replica.leads,
    });
    machine.apply = (index, term, data, observer) => {
      apply.call(machine, index, term, data, sinks(observer));
      this.wasApplied(replica, index, term, crc32c(data));
      store.applied();
    };
    machine.skip = (index, term) => {
      skip.call(machine, index, term);
      this.wasApplied(replica, index, term, 0);
    };
    machine.endRestore = () => {
      endRestore.call(machine);
      this.compareWithOthers(replica, machine.status().appliedIndex);
      store.restored();
    };
  }

  /** After what wasn't applied entry by entry: the state is that of all who did. */
  private compareWithOthers({ machine, range }: Replica, index: LogIndex): void {
    const known = this.applied.get(range)?.[index];
    if (known !== undefined && known.digest !== machine.digest())
      this.fail(`range ${range}: a replica that was restored differs at index ${index} (safety 24, 47, 56)`);
  }

  /**
   * Replicas that have applied the same hold the same, to the last byte of a snapshot, and a digest that is reckoned anew
   * from it is the one that was kept.
   */
  compareContents(name: string, machines: readonly Machine[]): void {
    const contents = machines.map(contentOf);
    const sums = contents.map((chunks) =>
      chunks.reduce((sum, chunk) => crc32c(chunk) ^ Math.imul(sum, 31), 0),
    );
    if (new Set(sums).size > 1) this.fail(`${name}: replicas of equal digests have different contents`);
    const anew = digestAnew(machines[0]!, contents[0]!);
    if (anew !== null && anew !== machines[0]!.digest())
      this.fail(`${name}: the digest that was kept isn't that of the content`);
  }

  /** Notes what the table answers instead of the command; gives what an entry's observer must be wrapped in. */
  private watchSessions(machine: Machine): (observer: ApplyObserver) => ApplyObserver {
    const sessions = Reflect.get(machine, "sessions") as SessionTable | undefined;
    if (sessions === undefined) return (observer) => observer;
    const { record } = sessions;
    let isAwaited = false;
    sessions.record = (session, sequence, slot) => {
      const found = record.call(sessions, session, sequence, slot);
      if (found !== null && isAwaited) this.answeredFromTable.add(`${session.id}/${sequence}`);
      return found;
    };
    return (observer) => ({
      before: (n) => observer.before(n),
      sink: (n) => {
        const sink = observer.sink(n);
        isAwaited = sink !== nullSink;
        return sink;
      },
      after: (n) => observer.after(n),
    });
  }

  /** An attempt that wasn't the first was answered to a client. */
  retried(session: number, sequence: number): void {
    if (this.answeredFromTable.has(`${session}/${sequence}`))
      this.marks.hit("retry answered from the session table");
  }

  private wasApplied(replica: Replica, index: LogIndex, term: Term, crc: number): void {
    const { machine, range } = replica;
    const all = getOr(this.applied, range, (): Applied[] => []);
    const digest = machine.digest();
    const first = all[index];
    if (first === undefined) {
      all[index] = { term, crc, digest };
      this.hash = (Math.imul(this.hash ^ crc ^ index, 0x0100_0193) + term) >>> 0;
    } else if (first.term !== term || first.crc !== crc)
      this.fail(
        `range ${range}: two entries were applied at index ${index}, of terms ${first.term} and ${term}`,
      );
    else if (first.digest !== digest)
      this.fail(`range ${range}: replicas differ after index ${index} (safety 24, 25, 47, 55)`);
    const { chargedBytes, limitBytes } = machine.status();
    if (limitBytes > 0 && chargedBytes > limitBytes)
      this.fail(`range ${range} charges ${chargedBytes} of ${limitBytes} bytes at index ${index}`);
  }

  // Disk -----------------------------------------------------------------------------------------------------------

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

  /** The disk of a node lost state on purpose: it may have forgotten votes, and is fenced. */
  forgetDisk(at: number): void {
    this.durable.delete(at);
  }

  private wasWritten(at: number, section: RecordSection, written: Map<string, Map<LogIndex, Term>>): void {
    const { range, replica, hardState } = section;
    const name = `${range}/${replica}`;
    const ofNode = getOr(this.durable, at, () => new Map<string, Durable>());
    const durable = getOr(ofNode, name, () => ({ term: 0, vote: 0 }));
    const terms = getOr(written, name, () => new Map<LogIndex, Term>());
    if (hardState !== null) {
      const { term, vote } = hardState;
      if (term < durable.term)
        this.fail(`replica ${name} writes term ${term} after ${durable.term} (safety 1)`);
      if (term === durable.term && durable.vote !== 0 && vote !== durable.vote)
        this.fail(`replica ${name} writes votes for ${durable.vote} and ${vote} in term ${term} (safety 1)`);
      durable.term = term;
      durable.vote = vote;
    }
    if (section.reset !== null) {
      terms.clear();
      terms.set(section.reset.index, section.reset.term);
    }
    for (const entry of section.entries) {
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

  // Tables ---------------------------------------------------------------------------------------------------------

  private checkTables(machine: SimNode, tables: MetaTables): void {
    const before = this.tables.get(machine.at);
    this.tables.set(machine.at, tables);
    if (tables.ranges.length === 0) return;
    let next = 0;
    const ranges = [...tables.ranges].sort((a, b) => a.slots[0] - b.slots[0]);
    for (const { slots, id } of ranges) {
      if (slots[0] !== next)
        this.fail(`slot ${next} isn't covered once in tables ${tables.version} (safety 37)`);
      if (slots[1] < slots[0]) this.fail(`range ${id} has no slots`);
      next = slots[1] + 1;
    }
    if (next !== slotCount) this.fail(`tables ${tables.version} end at slot ${next} (safety 37)`);
    for (const range of tables.ranges) {
      const old = before?.ranges.find(({ id }) => id === range.id);
      if (old !== undefined && before!.version < tables.version && range.epoch < old.epoch)
        this.fail(`range ${range.id} goes back from epoch ${old.epoch} to ${range.epoch}`);
    }
  }
}

/** What the node's turn clock would say if it read the clocks now; it doesn't. */
function leaseNowOf({ node, host }: SimNode): number {
  const { leaseNowMs, nowMs, wallMs } = node!.clock;
  const { clock } = host;
  return leaseNowMs + Math.max(0, clock.monotonicMs() - nowMs, clock.wallMs() - wallMs);
}

function getOr<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
