import { SeededRandom } from "../../src/base/random.js";
import { decodeConfiguration } from "../../src/raft/configuration-codec.js";
import { createRaft } from "../../src/raft/raft.js";
import type { RaftGroup } from "../../src/raft/raft-group.js";
import {
  type Configuration,
  type Entry,
  entryTypes,
  type HardState,
  type Message,
  type RaftOptions,
  type ReadState,
  type Ready,
  type SnapshotMeta,
} from "../../src/raft/types.js";

export const electionMinMs = 450;
export const electionMaxMs = 900;
export const heartbeatMs = 75;
export const leaseMs = 0.8 * electionMinMs;

export function voters(...ids: number[]): Configuration {
  return { voters: ids, outgoing: [], learners: [] };
}

export function optionsOf(replica: number, changes: Partial<RaftOptions> = {}): RaftOptions {
  return {
    range: 1,
    replica,
    random: new SeededRandom(replica),
    electionMinMs,
    electionMaxMs,
    heartbeatMs,
    leaseShare: 0.8,
    maxInflightMessages: 16,
    maxInflightBytes: 64 * 1024,
    maxAppendBytes: 16 * 1024,
    maxUncommittedBytes: 1024,
    reads: "lease",
    nowMs: 0,
    recovered: {
      hardState: { term: 0, vote: 0, commit: 0 },
      snapshot: { index: 0, term: 0, configuration: voters(1, 2, 3) },
      entries: [],
    },
    mayVote: true,
    ...changes,
  };
}

/** A replica with its disk and its state machine: a list of what was applied. */
export class Member {
  raft: RaftGroup;
  readonly applied: string[] = [];
  readonly reads: ReadState[] = [];
  readonly dropped: number[] = [];
  hardState: HardState;
  snapshot: SnapshotMeta;
  log: Entry[] = [];
  /** The disk stands still: Readys wait here. */
  stalled = false;
  readonly waiting: Ready[] = [];

  constructor(
    readonly options: RaftOptions,
    private readonly network: Network,
  ) {
    this.hardState = options.recovered.hardState;
    this.snapshot = options.recovered.snapshot;
    this.log = [...options.recovered.entries];
    this.raft = createRaft(options);
  }

  /** The process dies and comes back with what its disk holds. */
  restart(): void {
    this.waiting.length = 0;
    this.applied.length = 0;
    this.raft = createRaft({
      ...this.options,
      nowMs: this.network.nowMs,
      recovered: { hardState: this.hardState, snapshot: this.snapshot, entries: this.log },
    });
  }

  run(): boolean {
    if (!this.raft.hasReady()) return false;
    const ready = this.raft.ready();
    this.network.send(ready.messages);
    this.waiting.push(ready);
    if (!this.stalled) this.flush();
    for (const entry of ready.committed) this.apply(entry);
    this.reads.push(...ready.reads);
    this.dropped.push(...ready.droppedReads);
    const offer = ready.snapshotOffer;
    if (offer !== null && this.raft.installSnapshot(offer.meta)) {
      this.applied.length = 0;
      this.applied.push(...(this.network.members.get(offer.from)?.applied ?? []));
    }
    return true;
  }

  flush(): void {
    for (const ready of this.waiting.splice(0)) {
      if (ready.snapshot !== null) {
        this.snapshot = ready.snapshot;
        this.log = [];
      }
      const [first] = ready.entries;
      if (first !== undefined) {
        this.log = [...this.log.filter((entry) => entry.index < first.index), ...ready.entries];
      }
      if (ready.hardState !== null) this.hardState = ready.hardState;
      this.network.send(ready.durableMessages);
      this.raft.persisted(ready.token, this.network.nowMs);
    }
  }

  private apply(entry: Entry): void {
    if (entry.type === entryTypes.configuration) {
      this.raft.applyConfiguration(decodeConfiguration(entry.data));
    } else if (entry.type === entryTypes.command) {
      this.applied.push(new TextDecoder().decode(entry.data));
    }
    this.raft.applied(entry.index);
  }
}

/** All members in one process; a message is lost when its sender or receiver is cut off. */
export class Network {
  nowMs = 0;
  readonly members = new Map<number, Member>();
  readonly cut = new Set<number>();
  readonly queue: Message[] = [];

  constructor(...replicas: number[]) {
    for (const replica of replicas) this.add(optionsOf(replica));
  }

  add(options: RaftOptions): Member {
    const member = new Member(options, this);
    this.members.set(options.replica, member);
    return member;
  }

  get(replica: number): Member {
    const member = this.members.get(replica);
    if (member === undefined) throw new Error(`no replica ${replica}`);
    return member;
  }

  raft(replica: number): RaftGroup {
    return this.get(replica).raft;
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) {
      if (!this.cut.has(message.from) && !this.cut.has(message.to)) this.queue.push(message);
    }
  }

  /** Until nothing moves any more. */
  settle(): void {
    for (let turns = 0; ; turns++) {
      if (turns > 10_000) throw new Error("the network never settles");
      let busy = false;
      for (const message of this.queue.splice(0)) {
        busy = true;
        this.members.get(message.to)?.raft.step(this.nowMs, this.nowMs, message);
      }
      for (const member of this.members.values()) busy = member.run() || busy;
      if (!busy) return;
    }
  }

  /** Time passes in steps of 5 ms. */
  pass(durationMs: number): void {
    for (const untilMs = this.nowMs + durationMs; this.nowMs < untilMs; ) {
      this.nowMs += 5;
      for (const member of this.members.values()) {
        if (member.raft.nextTickMs() <= this.nowMs) member.raft.tick(this.nowMs, this.nowMs);
      }
      this.settle();
    }
  }

  elect(replica: number): RaftGroup {
    const raft = this.raft(replica);
    raft.tick(this.nowMs, this.nowMs);
    raft.campaign(this.nowMs);
    this.settle();
    return raft;
  }

  leader(): number {
    const leaders = [...this.members.values()].filter((m) => m.raft.status().role === "leader");
    leaders.sort((a, b) => b.raft.status().term - a.raft.status().term);
    return leaders[0]?.options.replica ?? 0;
  }

  write(replica: number, text: string): boolean {
    return this.raft(replica).propose(new TextEncoder().encode(text)).ok;
  }
}
