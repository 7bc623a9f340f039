import type { Random } from "../base/random.js";
import type { MonotonicMs, NodeId, RangeId, ReplicaId } from "../base/units.js";
import type { Timers } from "../ports/clock.js";
import type { LogStorage } from "../ports/log-storage.js";
import type { Telemetry } from "../ports/telemetry.js";
import type { Transport } from "../ports/transport.js";
import { readFrame } from "../raft/frame-codec.js";
import type { Message } from "../raft/types.js";
import type { TurnClock } from "./clocks.js";
import type { CommandStream, FlushList } from "./command-stream.js";
import { PeerLinks } from "./peer-links.js";
import { Recorder } from "./recorder.js";
import type { Replica } from "./replica.js";
import { fillContext, readContext, sectionOf } from "./turn.js";

/** Bytes of committed entries that one turn applies at most; the rest waits for the next one. */
const applyBudgetBytes = 2 * 1024 * 1024;
/** A full disk is tried again after this. */
const diskRetryMs = 200;

export interface EngineHost {
  readonly clock: TurnClock;
  readonly timers: Timers;
  readonly telemetry: Telemetry;
  readonly transport: Transport;
  readonly storage: LogStorage;
  readonly random: Random;
  /** Before anything else of a turn: commands that waited for a leader. */
  turnStarts(): void;
  /** After Raft took its part: forwards go out. */
  sendForwards(): void;
  /** Role, term or leader of the replica may have changed. */
  observed(replica: Replica): void;
  snapshotOffered(replica: Replica, from: ReplicaId): void;
  /** State that was promised is gone. */
  lostState(replica: Replica): void;
  failed(message: string): void;
}

/**
 * The turn loop. Inputs (commands, frames, ticks, durable records) only queue work; `endTurn` does it all at once: one
 * entry per range, one record for all ranges, one frame per peer, one write per connection.
 */
export class Engine implements FlushList {
  readonly replicas = new Map<RangeId, Replica>();
  readonly links: PeerLinks;
  readonly recorder: Recorder;
  private readonly host: EngineHost;
  private readonly dirty = new Set<Replica>();
  private readonly flushes: CommandStream[] = [];
  /** What all ranges held without a quorum's answer when the last turn ended. */
  uncommittedBytes = 0;
  private scheduled = false;
  private stopped = false;

  constructor(host: EngineHost, lastSequence: number) {
    this.host = host;
    this.links = new PeerLinks(host.transport, host.clock, () => this.recorder.durableSequence, host.random);
    this.recorder = new Recorder(host.storage, lastSequence, {
      send: (replica, message) => this.send(replica, message),
      persisted: (replica, token) => {
        replica.group.persisted(token, host.clock.nowMs);
        this.wake(replica);
      },
      wakeAll: () => this.schedule(),
      diskFull: (message) =>
        host.telemetry.log.error(
          { reason: message },
          "disk full: nothing is acknowledged until there is room",
        ),
      retryLater: (retry) => {
        host.timers.after(diskRetryMs, retry);
      },
      failed: (message) => host.failed(message),
    });
  }

  add(stream: CommandStream): void {
    stream.queued = true;
    this.flushes.push(stream);
    this.schedule();
  }

  wake(replica: Replica): void {
    this.dirty.add(replica);
    this.schedule();
  }

  wakeEverything(): void {
    for (const replica of this.replicas.values()) this.dirty.add(replica);
    this.schedule();
  }

  schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.host.timers.endOfTurn(() => {
      this.scheduled = false;
      // Refusals still reach the clients of a node that is stopping.
      if (this.stopped) this.flushStreams();
      else this.endTurn();
    });
  }

  stop(): void {
    this.stopped = true;
  }

  /** A Raft frame from a peer. */
  onFrame(from: NodeId, bytes: Uint8Array): void {
    const { clock } = this.host;
    // The last turn may have been before a SIGSTOP, and the frame tells of a time after it.
    clock.sample();
    const frame = readFrame(bytes);
    const { header } = frame;
    const echoSentAtMs = this.links.received(from, header.number, header.echo, header.durableSequence);
    for (const message of frame.messages) {
      const replica = this.replicas.get(message.range);
      if (replica === undefined || replica.id !== message.to || replica.removed) continue;
      replica.nodeOf.set(message.from, from);
      readContext(replica, message, clock.nowMs, echoSentAtMs);
      replica.inbox.push(message);
      this.dirty.add(replica);
    }
    this.schedule();
  }

  tick(): void {
    const { clock } = this.host;
    clock.sample();
    for (const replica of this.replicas.values()) {
      if (replica.removed || clock.nowMs < replica.group.nextTickMs()) continue;
      replica.group.tick(clock.nowMs, clock.leaseNowMs);
      this.dirty.add(replica);
    }
    this.schedule();
  }

  endTurn(): void {
    const { host } = this;
    host.clock.sample();
    for (const replica of this.dirty) this.stepInbox(replica);
    host.turnStarts();
    const turn = [...this.dirty];
    this.dirty.clear();
    for (const replica of turn) {
      if (replica.removed) continue;
      replica.runTurn();
      this.drainReady(replica);
      host.observed(replica);
    }
    this.links.flush();
    this.recorder.flush();
    this.apply(turn);
    host.sendForwards();
    this.links.flush();
    this.flushStreams();
    this.countUncommitted();
  }

  private stepInbox(replica: Replica): void {
    const { clock } = this.host;
    for (const message of replica.inbox) replica.group.step(clock.nowMs, clock.leaseNowMs, message);
    replica.inbox.length = 0;
  }

  private drainReady(replica: Replica): void {
    while (replica.group.hasReady()) {
      const ready = replica.group.ready();
      for (const message of ready.messages) this.send(replica, message);
      this.recorder.add(replica, ready.token, sectionOf(replica, ready), ready.durableMessages);
      if (ready.committed.length > 0) replica.queueCommitted(ready.committed);
      if (ready.snapshotOffer !== null) this.host.snapshotOffered(replica, ready.snapshotOffer.from);
      if (ready.reads.length > 0 || ready.droppedReads.length > 0)
        replica.confirmReads(ready.reads, ready.droppedReads);
    }
    if (replica.group.status().lostState && !replica.fenced) this.host.lostState(replica);
  }

  private apply(turn: readonly Replica[]): void {
    let budgetBytes = applyBudgetBytes;
    for (const replica of turn) {
      if (replica.hasCommitted && !replica.removed) {
        budgetBytes = replica.applyCommitted(budgetBytes);
        this.drainReady(replica);
      }
      if (replica.hasCommitted || replica.group.hasReady()) this.wake(replica);
    }
  }

  private send(replica: Replica, message: Message): void {
    const node = replica.nodeOf.get(message.to) ?? 0;
    if (node === 0 || replica.removed) return;
    fillContext(replica, message, this.host.clock);
    this.links.add(node, message);
  }

  private flushStreams(): void {
    // A flush may finish nothing more, but an edge may read on and queue new work: that is the next turn's.
    const streams = this.flushes.splice(0);
    for (const stream of streams) {
      stream.queued = false;
      if (!stream.closed) stream.target.flush();
    }
  }

  private countUncommitted(): void {
    let bytes = 0;
    for (const replica of this.replicas.values()) bytes += replica.group.status().uncommittedBytes;
    this.uncommittedBytes = bytes;
  }

  /** Monotonic now, as of the last sample. */
  get nowMs(): MonotonicMs {
    return this.host.clock.nowMs;
  }
}
