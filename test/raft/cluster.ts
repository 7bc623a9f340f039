import { assert } from "../../src/base/assert.js";
import { SeededRandom } from "../../src/base/random.js";
import { decodeConfiguration } from "../../src/raft/configuration-codec.js";
import { createRaft } from "../../src/raft/raft.js";
import type { RaftGroup } from "../../src/raft/raft-group.js";
import {
  type Configuration,
  type Entry,
  entryTypes,
  type Message,
  type SnapshotMeta,
} from "../../src/raft/types.js";
import type { ClusterOptions, Replica } from "./replica.js";

const defaultTimes = { electionMinMs: 450, electionMaxMs: 900, heartbeatMs: 75 } as const;
const range = 1;

/**
 * Replicas of one range around a network and disks that the test holds in its hand: a message moves when it is
 * delivered, a record is durable when it is persisted, and a crash loses what wasn't.
 */
export class Cluster {
  readonly replicas = new Map<number, Replica>();
  /** Sent and not delivered, lost or dropped yet. */
  inFlight: Message[] = [];
  /** Links "1->2" on which messages are lost when sent. */
  readonly cut = new Set<string>();
  /** Links on which messages wait, and only move when asked for by name. */
  readonly held = new Set<string>();
  nowMs = 10_000;
  private readonly options: ClusterOptions;
  private incarnation = 0;

  constructor(options: ClusterOptions = {}) {
    this.options = options;
  }

  /** Starts a replica on an empty disk whose log begins with `configuration`. */
  add(id: number, configuration: Configuration): Replica {
    const replica: Replica = {
      id,
      group: null,
      disk: {
        hardState: { term: 0, vote: 0, commit: 0 },
        snapshot: { index: 0, term: 0, configuration },
        entries: [],
        machine: [],
      },
      unsynced: [],
      persistAtOnce: true,
      applyAtOnce: true,
      unapplied: [],
      machine: [],
      installing: [],
      offer: null,
      snapshot: null,
      mayVote: true,
      leaseAheadMs: 0,
    };
    this.replicas.set(id, replica);
    this.start(id);
    return replica;
  }

  replica(id: number): Replica {
    const replica = this.replicas.get(id);
    assert(replica !== undefined, `replica ${id} exists`);
    return replica;
  }

  /** The running core of a replica. */
  group(id: number): RaftGroup {
    const { group } = this.replica(id);
    assert(group !== null, `replica ${id} is running`);
    return group;
  }

  /** What a replica's clock shows. */
  clockMs(id: number): number {
    return this.nowMs * (this.options.rateOf?.(id) ?? 1);
  }

  leaseNowMs(id: number): number {
    return this.clockMs(id) + this.replica(id).leaseAheadMs;
  }

  /** From its disk, as after a crash. */
  start(id: number): void {
    const replica = this.replica(id);
    const { disk } = replica;
    replica.machine = [...disk.machine];
    replica.group = createRaft({
      range,
      replica: id,
      random: this.options.randomOf?.(id) ?? new SeededRandom(id * 1000 + this.incarnation++),
      electionMinMs: this.options.electionMinMs ?? defaultTimes.electionMinMs,
      electionMaxMs: this.options.electionMaxMs ?? defaultTimes.electionMaxMs,
      heartbeatMs: this.options.heartbeatMs ?? defaultTimes.heartbeatMs,
      leaseShare: this.options.leaseShare ?? 0.8,
      maxInflightMessages: this.options.maxInflightMessages ?? 16,
      maxInflightBytes: this.options.maxInflightBytes ?? 1 << 20,
      maxAppendBytes: this.options.maxAppendBytes ?? 1 << 16,
      maxUncommittedBytes: this.options.maxUncommittedBytes ?? 1 << 20,
      reads: this.options.reads ?? "lease",
      nowMs: this.clockMs(id),
      recovered: { hardState: disk.hardState, snapshot: disk.snapshot, entries: disk.entries },
      mayVote: replica.mayVote,
    });
    if (disk.snapshot.index > 0) {
      replica.snapshot = { meta: disk.snapshot, machine: disk.machine };
      replica.group.setSnapshot(disk.snapshot);
    }
    this.pump(replica);
  }

  /** Loses memory, records that aren't durable, and messages that waited for them. */
  crash(id: number): void {
    const replica = this.replica(id);
    replica.group = null;
    replica.unsynced = [];
    replica.unapplied = [];
    replica.installing = [];
    replica.offer = null;
    replica.snapshot = null;
  }

  /** Runs `act` on a replica's core and everything that follows from it there. */
  on<T>(id: number, act: (group: RaftGroup) => T): T {
    const result = act(this.group(id));
    this.pump(this.replica(id));
    return result;
  }

  private pump(replica: Replica): void {
    for (let rounds = 0; replica.group?.hasReady(); rounds++) {
      assert(rounds < 1000, "a replica comes to rest");
      const ready = replica.group.ready();
      this.options.events?.onReady?.(replica, ready);
      for (const message of ready.messages) this.send(replica, message);
      if (ready.snapshotOffer !== null) replica.offer = ready.snapshotOffer;
      replica.unsynced.push(ready);
      for (const entry of ready.committed) replica.unapplied.push(entry);
      for (const read of ready.reads) this.options.events?.onRead?.(replica, read.context, read.index);
      for (const context of ready.droppedReads) this.options.events?.onDroppedRead?.(replica, context);
      if (replica.persistAtOnce) this.persistAll(replica);
      if (replica.applyAtOnce) this.applyAll(replica);
    }
    this.options.events?.onStep?.(replica);
  }

  private persistAll(replica: Replica): void {
    while (replica.unsynced.length > 0) this.persistOne(replica);
  }

  private persistOne(replica: Replica): void {
    const ready = replica.unsynced.shift();
    if (ready === undefined) return;
    const { disk } = replica;
    if (ready.snapshot !== null) {
      const machine = replica.installing.shift();
      assert(machine?.length === ready.snapshot.index, "a reset follows an installed machine");
      disk.snapshot = ready.snapshot;
      disk.machine = machine;
      disk.entries = [];
    }
    const first = ready.entries[0];
    if (first !== undefined) {
      const kept = disk.entries.filter((entry) => entry.index < first.index);
      disk.entries = [...kept, ...ready.entries].filter((entry) => entry.index > disk.snapshot.index);
    }
    if (ready.hardState !== null) disk.hardState = ready.hardState;
    for (const message of ready.durableMessages) this.send(replica, message);
    replica.group?.persisted(ready.token, this.clockMs(replica.id));
  }

  private applyAll(replica: Replica): void {
    const entries = replica.unapplied.splice(0);
    for (const entry of entries) {
      assert(entry.index === replica.machine.length + 1, `entry ${entry.index} is the next to apply`);
      replica.machine.push(entry);
      if (entry.type === entryTypes.configuration)
        replica.group?.applyConfiguration(decodeConfiguration(entry.data));
      this.options.events?.onApply?.(replica, entry);
    }
    if (entries.length > 0) replica.group?.applied(replica.machine.length);
  }

  /** Makes the next `count` records durable, all of them by default. */
  persist(id: number, count = Number.POSITIVE_INFINITY): void {
    const replica = this.replica(id);
    for (let i = 0; i < count && replica.unsynced.length > 0; i++) this.persistOne(replica);
    this.pump(replica);
  }

  setPersist(id: number, atOnce: boolean): void {
    this.replica(id).persistAtOnce = atOnce;
    if (atOnce) this.persist(id);
  }

  setApply(id: number, atOnce: boolean): void {
    const replica = this.replica(id);
    replica.applyAtOnce = atOnce;
    if (!atOnce) return;
    this.applyAll(replica);
    this.pump(replica);
  }

  /** Moves the clock, ticking each replica whenever it is due; messages wait, or move at once with `deliver`. */
  advance(byMs: number, deliver: boolean, only: readonly number[] = [...this.replicas.keys()]): void {
    const endMs = this.nowMs + byMs;
    for (let rounds = 0; ; rounds++) {
      assert(rounds < 100_000, "time goes on");
      let dueMs = Number.POSITIVE_INFINITY;
      let due = 0;
      for (const id of only) {
        const { group } = this.replica(id);
        if (group === null) continue;
        const atMs = (group.nextTickMs() * this.nowMs) / this.clockMs(id);
        if (atMs >= dueMs) continue;
        dueMs = atMs;
        due = id;
      }
      if (dueMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, dueMs);
      this.tick(due);
      if (deliver) this.deliverAll();
    }
    this.nowMs = endMs;
    if (deliver) this.deliverAll();
  }

  private tick(id: number): void {
    const dueMs = this.group(id).nextTickMs();
    // A clock that runs at a rate of its own may round to just below.
    const nowMs = Math.max(this.clockMs(id), dueMs);
    this.on(id, (group) => group.tick(nowMs, Math.max(nowMs, this.leaseNowMs(id))));
    assert(
      this.group(id).nextTickMs() > nowMs,
      `replica ${id}, due at ${dueMs}, isn't due again after its tick`,
    );
  }

  private send(replica: Replica, message: Message): void {
    this.options.events?.onSend?.(message, replica);
    if (!this.cut.has(link(message))) this.inFlight.push(message);
  }

  /** Delivers until nothing moves any more, leaving held links alone. */
  deliverAll(): void {
    for (let count = 0; ; count++) {
      assert(count < 100_000, "the network comes to rest");
      const at = this.inFlight.findIndex((message) => !this.held.has(link(message)));
      if (at < 0) return;
      this.deliverAt(at);
    }
  }

  /** Delivers what waits on one link now, oldest first. */
  deliverLink(name: string, count = Number.POSITIVE_INFINITY): void {
    const waiting = this.inFlight.filter((message) => link(message) === name);
    for (const message of waiting.slice(0, count)) this.deliverAt(this.inFlight.indexOf(message));
  }

  deliverAt(at: number): void {
    const [message] = this.inFlight.splice(at, 1);
    if (message !== undefined) this.step(message);
  }

  /** Hands a message to its replica, whoever made it up. */
  step(message: Message): void {
    const replica = this.replicas.get(message.to);
    if (replica === undefined || replica.group === null) return;
    this.options.events?.onDeliver?.(message);
    this.on(replica.id, (group) =>
      group.step(this.clockMs(replica.id), this.leaseNowMs(replica.id), message),
    );
  }

  lose(name: string): void {
    this.inFlight = this.inFlight.filter((message) => link(message) !== name);
  }

  /** Cuts a replica off in both directions; what is on its way is lost. */
  isolate(id: number): void {
    for (const other of this.replicas.keys()) {
      if (other === id) continue;
      for (const name of [`${id}->${other}`, `${other}->${id}`]) {
        this.cut.add(name);
        this.lose(name);
      }
    }
  }

  heal(): void {
    this.cut.clear();
    this.held.clear();
  }

  /** A durable snapshot of the machine as it is; the log before it goes, but for `keep` entries. */
  takeSnapshot(id: number, keep = 0): SnapshotMeta {
    const replica = this.replica(id);
    const group = this.group(id);
    // One log per node: what trims it stands behind the records before.
    this.persist(id);
    const { applied, configuration } = group.status();
    const meta: SnapshotMeta = { index: applied, term: group.termAt(applied) ?? 0, configuration };
    replica.snapshot = { meta, machine: replica.machine.slice(0, applied) };
    group.setSnapshot(meta);
    const to = applied - keep;
    if (to > replica.disk.snapshot.index) {
      // What a restart begins with: the snapshot alone, as nothing says what was in force before it.
      const durable = replica.disk.entries.filter((entry) => entry.index > applied);
      replica.disk.snapshot = meta;
      replica.disk.entries = durable;
      replica.disk.machine = replica.snapshot.machine;
      group.compact(to);
    }
    this.pump(replica);
    return meta;
  }

  /** Pulls the offered snapshot. @returns what installSnapshot said, or null when there was none to pull. */
  pull(id: number): boolean | null {
    const replica = this.replica(id);
    const { offer } = replica;
    if (offer === null) return null;
    // The newest there is: the one offered may have been replaced meanwhile.
    const source = this.replica(offer.from).snapshot;
    if (source === null || source.meta.index < offer.meta.index) return null;
    replica.offer = null;
    const installed = this.on(id, (group) => {
      const taken = group.installSnapshot(source.meta);
      if (taken) {
        replica.unapplied = [];
        replica.machine = [...source.machine];
        replica.installing.push(source.machine);
        replica.snapshot = source;
        group.setSnapshot(source.meta);
      }
      return taken;
    });
    if (this.replica(offer.from).group !== null)
      this.on(offer.from, (group) => group.reportSnapshot(id, true));
    return installed;
  }

  /** The leader of the highest term among running replicas, or null. */
  leader(): number | null {
    let leader: number | null = null;
    let term = -1;
    for (const { id, group } of this.replicas.values()) {
      const status = group?.status();
      if (status?.role !== "leader" || status.term <= term) continue;
      leader = id;
      term = status.term;
    }
    return leader;
  }

  /** The log of a running replica, from its first index on. */
  log(id: number): readonly Entry[] {
    const group = this.group(id);
    const { firstIndex } = group.status();
    return group.entriesFrom(firstIndex, Number.MAX_SAFE_INTEGER);
  }
}

export function link(message: Message): string {
  return `${message.from}->${message.to}`;
}

/** `count` voters, all started on empty disks. */
export function startVoters(count: number, options: ClusterOptions = {}): Cluster {
  const cluster = new Cluster(options);
  const voters = Array.from({ length: count }, (_, i) => i + 1);
  for (const id of voters) cluster.add(id, { voters, outgoing: [], learners: [] });
  return cluster;
}
