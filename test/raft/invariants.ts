import { equalBytes } from "../../src/base/bytes.js";
import { quorumOf } from "../../src/raft/quorum.js";
import {
  type Configuration,
  type Entry,
  type Message,
  messageTypes,
  type Ready,
} from "../../src/raft/types.js";
import type { Cluster } from "./cluster.js";
import type { ClusterEvents, Replica } from "./replica.js";

function sameEntry(a: Entry, b: Entry): boolean {
  return a.term === b.term && a.type === b.type && equalBytes(a.data, b.data);
}

/** What Raft promises (figure 3 of the paper), looked at after every step. A broken promise throws. */
export class Invariants implements ClusterEvents {
  cluster: Cluster | null = null;
  /** Committed entries by index; what is in here never changes. */
  readonly committed: Entry[] = [];
  /** In force one after the other, as far as they were seen. */
  private readonly configurations: Configuration[] = [];
  private readonly leaders = new Map<number, number>();
  private readonly seen = new Map<number, { term: number; vote: number; commit: number }>();
  private readonly reads = new Map<number, number>();
  /** How often things happened, so that a test can tell that it tested something. */
  readonly counts = { elections: 0, reads: 0, leaseReads: 0, restarts: 0, truncations: 0 };

  private fail(what: string): never {
    throw new Error(`broken: ${what}`);
  }

  /** Safety 1: what a message promises is on the sender's disk when it leaves. */
  onSend(message: Message, replica: Replica): void {
    const { hardState, entries, snapshot } = replica.disk;
    if (message.from !== replica.id) this.fail(`${replica.id} speaks as ${message.from}`);
    if (message.type === messageTypes.preVote || message.type === messageTypes.preVoteReply) return;
    if (message.term > hardState.term)
      this.fail(
        `${replica.id} sends type ${message.type} of term ${message.term} with term ${hardState.term} on disk`,
      );
    if (message.type === messageTypes.voteReply && !message.reject)
      if (hardState.term === message.term && hardState.vote !== message.to)
        this.fail(`${replica.id} votes for ${message.to} with ${hardState.vote} on disk`);
    if (message.type === messageTypes.appendReply && !message.reject) {
      const last = entries.at(-1)?.index ?? snapshot.index;
      if (message.index > last) this.fail(`${replica.id} acknowledges ${message.index} with ${last} on disk`);
    }
    // Safety 7, as the leader sees it.
    if (message.type === messageTypes.heartbeat && message.commit > message.match)
      this.fail(`heartbeat of commit ${message.commit} to a replica that matched ${message.match}`);
  }

  onReady(replica: Replica, ready: Ready): void {
    const first = ready.entries[0];
    if (first === undefined) return;
    if (replica.disk.entries.some((entry) => entry.index >= first.index)) this.counts.truncations++;
    ready.entries.forEach((entry, i) => {
      if (entry.index !== first.index + i) this.fail("entries of a Ready are not contiguous");
    });
    if (first.index <= (replica.group?.status().commit ?? 0)) {
      const known = this.committed[first.index - 1];
      if (known !== undefined && !sameEntry(known, first))
        this.fail(`${replica.id} overwrites a committed entry`);
    }
  }

  onApply(replica: Replica, entry: Entry): void {
    const known = this.committed[entry.index - 1];
    if (known !== undefined) {
      if (!sameEntry(known, entry))
        this.fail(`${replica.id} applies ${entry.index}/${entry.term} where ${known.term} was committed`);
      return;
    }
    if (entry.index !== this.committed.length + 1) this.fail("a committed entry was skipped");
    this.committed.push(entry);
    this.checkDurable(replica, entry);
  }

  /**
   * Safety 9: what is committed lies on the disks of a quorum. Which configuration its leader counted by can't be
   * seen here when entries after a change commit together with it, so one of those around will do.
   */
  private checkDurable(replica: Replica, entry: Entry): void {
    const now = replica.group!.status().configuration;
    if (JSON.stringify(this.configurations.at(-1)) !== JSON.stringify(now)) this.configurations.push(now);
    const held = this.configurations.slice(-2).some((configuration) => this.isDurable(configuration, entry));
    if (!held) this.fail(`${entry.index}/${entry.term} is committed without being durable on a quorum`);
  }

  private isDurable(configuration: Configuration, entry: Entry): boolean {
    return quorumOf(configuration, (id) => {
      const disk = this.cluster?.replicas.get(id)?.disk;
      if (disk === undefined) return false;
      if (disk.snapshot.index >= entry.index) return true;
      const own = disk.entries.find((other) => other.index === entry.index);
      return own !== undefined && sameEntry(own, entry);
    });
  }

  /** Called when a read begins: all that is committed by then must be in it. */
  beginRead(context: number): void {
    this.reads.set(context, this.committed.length);
  }

  onRead(replica: Replica, context: number, index: number): void {
    this.counts.reads++;
    const least = this.reads.get(context);
    if (least === undefined) this.fail(`read ${context} was never asked, or answered before`);
    this.reads.delete(context);
    if (index < least) this.fail(`${replica.id} reads at ${index}, ${least} was committed before`);
  }

  onDroppedRead(_: Replica, context: number): void {
    if (!this.reads.delete(context)) this.fail(`read ${context} was dropped but not pending`);
  }

  checkLeaseRead(index: number): void {
    this.counts.leaseReads++;
    if (index < this.committed.length)
      this.fail(`lease read at ${index}, ${this.committed.length} was committed before`);
  }

  onStep(replica: Replica): void {
    if (replica.group === null) return;
    const { role, term, vote, commit, lastIndex } = replica.group.status();
    const before = this.seen.get(replica.id);
    if (before !== undefined) {
      if (term < before.term) this.fail(`${replica.id} goes back from term ${before.term} to ${term}`);
      if (term === before.term && before.vote !== 0 && vote !== before.vote)
        this.fail(`${replica.id} voted for ${before.vote} and ${vote} in term ${term}`);
      if (commit < before.commit) this.fail(`${replica.id} commits ${commit} after ${before.commit}`);
    }
    this.seen.set(replica.id, { term, vote, commit });
    if (commit > lastIndex) this.fail(`${replica.id} commits beyond its log`);
    if (role !== "leader") return;
    const leader = this.leaders.get(term);
    if (leader === replica.id) return;
    if (leader !== undefined) this.fail(`${leader} and ${replica.id} both lead term ${term}`);
    this.leaders.set(term, replica.id);
    this.counts.elections++;
    // Leader completeness.
    for (const entry of this.committed) {
      const own = replica.group.termAt(entry.index);
      if (own !== null && own !== entry.term)
        this.fail(`leader ${replica.id} of term ${term} lacks committed ${entry.index}/${entry.term}`);
      if (entry.index > lastIndex) this.fail(`leader ${replica.id} of term ${term} lacks ${entry.index}`);
    }
  }

  /** A crash may forget what was not durable, but nothing that was. */
  onRestart(replica: Replica): void {
    this.counts.restarts++;
    this.seen.set(replica.id, { ...replica.disk.hardState });
  }

  /** Log matching: where two logs agree in a term they agree in everything before. */
  checkLogs(): void {
    const logs = [...this.cluster!.replicas.values()]
      .filter((replica) => replica.group !== null)
      .map((replica) => new Map(this.cluster!.log(replica.id).map((entry) => [entry.index, entry])));
    for (const a of logs)
      for (const b of logs) {
        let agree = false;
        for (const index of [...a.keys()].sort((x, y) => y - x)) {
          const mine = a.get(index)!;
          const other = b.get(index);
          if (other === undefined) continue;
          if (agree && !sameEntry(mine, other)) this.fail(`logs differ at ${index} below where they agree`);
          if (mine.term === other.term) agree = true;
        }
      }
  }
}
