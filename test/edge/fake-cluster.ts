import { ByteReader, ByteWriter } from "../../src/base/bytes.js";
import type { ErrorKind } from "../../src/base/errors.js";
import { zeroHashKey } from "../../src/base/keyed-hash.js";
import { slotOf } from "../../src/base/slot.js";
import { CommandView } from "../../src/commands/command-codec.js";
import { nullSink } from "../../src/commands/reply-sink.js";
import { commandByOpcode } from "../../src/commands/table.js";
import { EntryBuilder } from "../../src/machine/entry-codec.js";
import { createMachine } from "../../src/machine/key-range-machine.js";
import type {
  MemberView,
  NodeStatistics,
  ReadFreshness,
  ReplicaView,
  ReplyTarget,
  Service,
  ServiceConnection,
  Topology,
} from "../../src/node/service.js";
import type { Protocol, Telemetry } from "../../src/ports/telemetry.js";
import { createStore } from "../../src/store/map-store.js";

export interface SeenCommand {
  readonly name: string;
  readonly session: number;
  readonly sequence: number;
  readonly acked: number;
  readonly level: number;
  readonly levelA: number;
  readonly deadlineMs: number;
  readonly slot: number;
}

/**
 * What a node does with a command: runs it, runs it without an answer or with an unknown one, keeps it, or refuses it.
 */
export type Treatment = "run" | "run-silently" | "run-then-unknown" | "keep" | ErrorKind;

/** One state machine behind any number of nodes: what a cluster looks like from its edges. */
export class FakeCluster {
  private readonly machine = createMachine({
    store: createStore({ hashKey: zeroHashKey, limitBytes: 64 * 1024 * 1024, valueLimitBytes: 1024 * 1024 }),
    slots: [0, 16383],
    hashKey: zeroHashKey,
  });
  private readonly builder = new EntryBuilder(new ByteWriter());
  private index = 0;
  private nextSession = 1;
  readonly members: MemberView[] = [];
  readonly nodes: FakeNode[] = [];
  private term = 1;
  private version = 1;
  leader = 1;
  /** Bounds of the ranges; all have the same leader. */
  bounds: readonly (readonly [number, number])[] = [
    [0, 8191],
    [8192, 16383],
  ];
  freshness: ReadFreshness | null = null;

  addNode(): FakeNode {
    const node = new FakeNode(this, this.nodes.length + 1);
    this.nodes.push(node);
    return node;
  }

  announce(node: FakeNode, address: string): void {
    const ports = { resp: "", grpc: address, peer: "", http: "" };
    this.members.push({ id: node.id, name: `n${node.id}`, up: true, ports });
    this.changed();
  }

  lead(node: number): void {
    this.leader = node;
    this.term++;
    this.changed();
  }

  openSession(): number {
    return this.nextSession++;
  }

  topology(self: number): Topology {
    return {
      clusterId: "c0ffee",
      self,
      version: this.version,
      members: this.members,
      ranges: this.bounds.map((slots, i) => ({
        id: i + 1,
        slots,
        leader: this.leader,
        term: this.term,
        replicas: this.members.map(({ id }) => this.replica(id)),
      })),
    };
  }

  replica(node: number): ReplicaView {
    const role = node === this.leader ? "leader" : "follower";
    const digest = this.machine.digest();
    return { node, replica: node, role, commit: this.index, applied: this.index, firstIndex: 1, digest };
  }

  run(view: CommandView, bytes: Uint8Array, target: ReplyTarget | null, token: number): void {
    const sink = target?.reply(token);
    if (commandByOpcode(view.opcode)?.access === "read") {
      if (this.machine.isDue(view, Date.now())) throw new Error("a deadline is due");
      if (sink !== undefined) this.machine.read(view, Date.now(), sink);
      target?.done(token, view.level > 0 ? this.freshness : null);
      return;
    }
    this.builder.begin();
    this.builder.add(bytes, 0, bytes.length);
    this.machine.apply(++this.index, 1, this.builder.finish(Date.now()), {
      before() {},
      sink: () => sink ?? nullSink,
      after() {},
    });
    target?.done(token, null);
  }

  private changed(): void {
    this.version++;
    for (const node of this.nodes) node.tellTopology();
  }
}

/** One node's service: commands run at the end of the turn. */
export class FakeNode implements Service {
  treat: (command: SeenCommand) => Treatment = () => "run";
  readonly seen: SeenCommand[] = [];
  isReady = true;
  private readonly watchers = new Set<() => void>();
  private kept: (() => void)[] = [];

  constructor(
    readonly cluster: FakeCluster,
    readonly id: number,
  ) {}

  readonly evictionPolicy = "noeviction";

  changeEvictionPolicy(_policy: unknown, done: (error: ErrorKind | null) => void): void {
    done("unsupported");
  }

  /** Runs what was kept. */
  release(): void {
    for (const run of this.kept.splice(0)) run();
  }

  connect(_protocol: Protocol, target: ReplyTarget): ServiceConnection {
    const node = this;
    let closed = false;
    let pendingBytes = 0;
    let flushing = false;
    const flush = (): void => {
      if (flushing) return;
      flushing = true;
      setImmediate(() => {
        flushing = false;
        if (!closed) target.flush();
      });
    };
    return {
      execute(bytes, start, end, token, deadlineMs) {
        const copy = bytes.slice(start, end);
        pendingBytes += copy.length;
        setImmediate(() => {
          const view = new CommandView();
          view.decode(new ByteReader(copy));
          const command = node.note(view, deadlineMs);
          const finish = (treatment: Treatment): void => {
            if (treatment === "keep") {
              node.kept.push(() => finish("run"));
              return;
            }
            const live = closed ? null : target;
            if (treatment === "run") node.cluster.run(view, copy, live, token);
            else if (treatment === "run-silently") node.cluster.run(view, copy, null, token);
            else {
              if (treatment === "run-then-unknown") node.cluster.run(view, copy, null, token);
              const kind = treatment === "run-then-unknown" ? "outcome-unknown" : treatment;
              live?.reply(token).error(kind, null);
              live?.done(token, null);
            }
            if (treatment === "run-silently") return;
            pendingBytes -= copy.length;
            flush();
          };
          finish(node.treat(command));
        });
      },
      get pendingBytes() {
        return pendingBytes;
      },
      close() {
        closed = true;
      },
    };
  }

  private note(view: CommandView, deadlineMs: number): SeenCommand {
    const definition = commandByOpcode(view.opcode);
    const { session, sequence, acked, level, levelA } = view;
    const slot = view.count > 0 ? slotOf(view.bytes, view.start(0), view.end(0)) : -1;
    const command = {
      name: definition?.name ?? "?",
      session,
      sequence,
      acked,
      level,
      levelA,
      deadlineMs,
      slot,
    };
    this.seen.push(command);
    return command;
  }

  openSession(done: (error: ErrorKind | null, session: number) => void): void {
    setImmediate(() => done(null, this.cluster.openSession()));
  }
  topology(): Topology {
    return this.cluster.topology(this.id);
  }
  watchTopology(changed: () => void): () => void {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  }
  tellTopology(): void {
    for (const changed of this.watchers) changed();
  }
  statistics(): NodeStatistics {
    return {
      uptimeMs: 1,
      keys: 2,
      keysWithDeadline: 0,
      chargedBytes: 3,
      limitBytes: 4,
      hits: 5,
      misses: 6,
      expired: 0,
      evicted: 0,
      commands: 7,
      rangesLed: 1,
      ranges: [],
    };
  }
  ready(): boolean {
    return this.isReady;
  }
  estimateMs(): number {
    return Date.now();
  }
  digest(_range: number, done: (replica: ReplicaView) => void): void {
    done(this.cluster.replica(this.id));
  }
}

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
export const silentTelemetry: Telemetry = {
  log: quiet,
  commandDone() {},
  commandFailed() {},
  bytesIn() {},
  bytesOut() {},
};
