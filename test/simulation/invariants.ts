import { crc32c } from "../../src/base/crc.js";
import type { LogIndex, RangeId, ReplicaId, Term } from "../../src/base/units.js";
import { nullSink } from "../../src/commands/reply-sink.js";
import type { ApplyObserver, Machine } from "../../src/machine/machine.js";
import type { SessionTable } from "../../src/machine/session-table.js";
import type { Replica } from "../../src/node/replica.js";
import { DurableState, type Loss } from "./durable-state.js";
import { getOr } from "./get-or.js";
import { Leases } from "./leases.js";
import type { Marks } from "./marks.js";
import { QueueBounds } from "./queue-bounds.js";
import type { SeenGroup } from "./quorum.js";
import type { SimCluster, SimNode } from "./sim-cluster.js";
import { contentOf, digestAnew, StoreWatch } from "./store-watch.js";
import { TableWatch } from "./table-watch.js";

/** One that nobody may see broken. */
export class Violation extends Error {
  override readonly name = "Violation";
}

interface Applied {
  readonly term: Term;
  readonly crc: number;
  readonly digest: string;
}

interface Seen {
  readonly replica: Replica;
  term: Term;
  vote: ReplicaId;
  commit: LogIndex;
  applied: LogIndex;
  leaderIn: Term;
  orphans: boolean;
}

/** What must hold at every event, in forms that cost little: only the nodes in which something ran are looked at. */
export class Invariants {
  /** Range → index → what was applied there first; everybody else applies the same. */
  private readonly applied = new Map<RangeId, Applied[]>();
  /** range/term → who led it. */
  private readonly leaders = new Map<string, ReplicaId>();
  readonly disks: DurableState;
  private readonly queues: QueueBounds;
  private readonly seen = new Map<number, Map<RangeId, Seen>>();
  readonly leases: Leases;
  private readonly tables: TableWatch;
  /** Folded over all that was applied. */
  hash = 0;
  elections = 0;
  /** session/sequence of commands that a session's table answered to somebody who waits. */
  private readonly answeredFromTable = new Set<string>();

  constructor(
    private readonly cluster: SimCluster,
    private readonly marks: Marks,
    leasesHold: boolean,
  ) {
    const fail = (what: string): never => this.fail(what);
    this.queues = new QueueBounds(fail);
    this.tables = new TableWatch(fail);
    this.disks = new DurableState(this.queues, fail);
    this.leases = new Leases(marks, leasesHold, fail);
  }

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
        known = this.firstSeen(machine, replica);
        seen.set(replica.range, known);
      }
      this.lookAtReplica(machine, known);
    }
    this.queues.look(machine);
    this.tables.look(machine.at, node.membership.tables);
  }

  private firstSeen(machine: SimNode, replica: Replica): Seen {
    this.watchMachine(replica);
    // What it applied, or was restored from, before anybody could look.
    if (replica.applied > 0 && !replica.restoring) this.compareWithOthers(replica, replica.applied);
    this.disks.started(machine.at, replica);
    return {
      replica,
      term: 0,
      vote: 0,
      commit: 0,
      applied: replica.applied,
      leaderIn: 0,
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
    this.disks.look(replica, known.term === 0 ? null : known);
    known.term = term;
    known.vote = vote;
    known.commit = commit;
    if (status.configuration.outgoing.length > 0) this.marks.hit("joint configuration crossed");
    if (role === "leader") {
      known.orphans = false;
      if (known.leaderIn !== term) this.elected(known, replica, term);
      this.leases.look(machine, replica);
    } else {
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

  // Where what is ---------------------------------------------------------------------------------------------------

  /** The replicas of a machine, as they are or, while its process isn't there, as they were. */
  private *replicasAt(machine: SimNode): Iterable<Replica> {
    const running = machine.node?.engine?.replicas;
    for (const [range, { replica }] of this.seen.get(machine.at) ?? [])
      if (running?.get(range) === undefined) yield replica;
    yield* running?.values() ?? [];
  }

  /** What the replicas of a node had promised is lost on purpose. */
  loseState(at: number, loss: Loss): void {
    this.disks.loseState(at, loss);
    this.seen.delete(at);
  }

  /** Every configuration that some replica is in. */
  groups(): SeenGroup[] {
    return this.cluster.nodes.flatMap((machine) =>
      [...this.replicasAt(machine)]
        .filter(({ fenced, removed }) => !fenced && !removed)
        .map(({ range, group }) => ({ range, configuration: group.status().configuration })),
    );
  }

  /** The machine that has a replica with all that it had promised. */
  hostOf(range: RangeId, id: ReplicaId): number | undefined {
    return this.cluster.nodes.find((machine) =>
      [...this.replicasAt(machine)].some(
        (replica) => replica.range === range && replica.id === id && !replica.fenced && !replica.removed,
      ),
    )?.at;
  }

  // Apply ----------------------------------------------------------------------------------------------------------

  private watchMachine(replica: Replica): void {
    const machine = replica.machine as Machine & { watched?: true };
    if (machine.watched) return;
    machine.watched = true;
    const { apply, skip, endRestore } = machine;
    const sinks = this.watchSessions(replica);
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
  private watchSessions({ machine, range }: Replica): (observer: ApplyObserver) => ApplyObserver {
    const sessions = Reflect.get(machine, "sessions") as SessionTable | undefined;
    if (sessions === undefined) return (observer) => observer;
    this.queues.watchSessions(range, sessions);
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
  }
}
