import { ByteReader, ByteWriter } from "../../src/base/bytes.js";
import type { ErrorKind } from "../../src/base/errors.js";
import { zeroHashKey } from "../../src/base/keyed-hash.js";
import { SeededRandom } from "../../src/base/random.js";
import { CommandView } from "../../src/commands/command-codec.js";
import { commandError } from "../../src/commands/cut.js";
import { RecordingSink, replayReply } from "../../src/commands/reply-codec.js";
import { commandByOpcode } from "../../src/commands/table.js";
import type {
  NodeStatistics,
  ReadFreshness,
  ReplyTarget,
  Service,
  ServiceConnection,
  Topology,
} from "../../src/node/service.js";
import type { Protocol, Telemetry } from "../../src/ports/telemetry.js";
import type { EvictionPolicy } from "../../src/store/eviction/policies.js";
import { createStore } from "../../src/store/map-store.js";

interface Queued {
  readonly connection: FakeConnection;
  readonly bytes: Uint8Array;
  readonly token: number;
}

interface Finished {
  readonly connection: FakeConnection;
  readonly token: number;
  readonly reply: Uint8Array;
  readonly freshness: ReadFreshness | null;
}

/** What a command asked for, as the service saw it. */
export interface SeenCommand {
  readonly name: string;
  readonly level: number;
  readonly levelA: number;
  readonly levelB: number;
  readonly deadlineMs: number;
}

/**
 * A service of one range on the real store and commands. It runs commands in order at the end of the turn, but hands the
 * replies out shuffled, a part of them a turn later: what a door must put in order again.
 */
export class FakeService implements Service {
  readonly store = createStore({ hashKey: zeroHashKey, limitBytes: 1e9, valueLimitBytes: 16 * 1024 * 1024 });
  readonly seen: SeenCommand[] = [];
  readonly connections = new Set<FakeConnection>();
  nowMs = 1_700_000_000_000;
  isReady = true;
  /** Commands are kept, unanswered, until `release`. */
  holding = false;
  /** Every command answers this. */
  failure: { readonly kind: ErrorKind; readonly message: string | null } | null = null;
  freshness: ReadFreshness | null = null;

  private readonly random = new SeededRandom(1);
  private queue: Queued[] = [];
  private finished: Finished[] = [];
  private runs = false;
  private readonly view = new CommandView();
  private readonly reader = new ByteReader(new Uint8Array(0));

  evictionPolicy = "noeviction";

  changeEvictionPolicy(policy: EvictionPolicy, done: (error: ErrorKind | null) => void): void {
    setImmediate(() => {
      this.evictionPolicy = policy.name;
      done(null);
    });
  }

  connect(protocol: Protocol, target: ReplyTarget, ordered: boolean): ServiceConnection {
    const connection = new FakeConnection(this, protocol, target, ordered);
    this.connections.add(connection);
    return connection;
  }

  enqueue(command: Queued, deadlineMs: number): void {
    this.reader.reset(command.bytes);
    this.view.decode(this.reader);
    this.seen.push({
      name: commandByOpcode(this.view.opcode)?.name ?? "?",
      level: this.view.level,
      levelA: this.view.levelA,
      levelB: this.view.levelB,
      deadlineMs,
    });
    this.queue.push(command);
    this.wake();
  }

  release(): void {
    this.holding = false;
    this.wake();
  }

  private wake(): void {
    if (this.runs || this.holding) return;
    this.runs = true;
    setImmediate(() => this.endTurn());
  }

  private endTurn(): void {
    this.runs = false;
    if (this.holding) return;
    const due = this.queue;
    this.queue = [];
    for (const command of due) this.finished.push(this.run(command));
    const replies = this.finished;
    for (let i = replies.length - 1; i > 0; i--) {
      const j = this.random.u32() % (i + 1);
      [replies[i], replies[j]] = [replies[j]!, replies[i]!];
    }
    // A part waits for the next turn, unless it is all there is.
    this.finished = replies.splice(Math.ceil(replies.length / 2));
    const touched = new Set<FakeConnection>();
    for (const { connection, token, reply, freshness } of replies) {
      if (connection.closed) continue;
      connection.pendingBytes -= connection.sizes.get(token) ?? 0;
      connection.sizes.delete(token);
      replayReply(reply, 0, reply.length, connection.target.reply(token));
      connection.target.done(token, freshness);
      touched.add(connection);
    }
    for (const connection of touched) if (!connection.closed) connection.target.flush();
    if (this.finished.length > 0) this.wake();
  }

  private run({ connection, bytes, token }: Queued): Finished {
    const sink = new RecordingSink(new ByteWriter());
    this.reader.reset(bytes);
    this.view.decode(this.reader);
    const definition = commandByOpcode(this.view.opcode)!;
    const refused = this.failure ?? commandError(definition, this.view, this.store.valueLimitBytes);
    if (refused !== null) sink.error(refused.kind, refused.message);
    else {
      if (definition.access === "write") this.store.beginEntry(this.nowMs, this.random.u32(), 0);
      else this.store.beginRead(this.nowMs);
      definition.run(this.store, this.view, sink);
    }
    const weak = this.view.level > 0 && definition.access === "read";
    return { connection, token, reply: sink.out.take(), freshness: weak ? this.freshness : null };
  }

  openSession(done: (error: ErrorKind | null, session: number) => void): void {
    done(null, 1);
  }
  topology(): Topology {
    return {
      clusterId: "test",
      self: 7,
      version: 1,
      members: [],
      ranges: [{ id: 1, slots: [0, 16383], leader: 7, term: 1, replicas: [] }],
    };
  }
  watchTopology(): () => void {
    return () => {};
  }
  statistics(): NodeStatistics {
    return {
      uptimeMs: 5000,
      keys: this.store.size,
      keysWithDeadline: this.store.keysWithDeadline,
      chargedBytes: this.store.chargedBytes,
      limitBytes: this.store.limitBytes,
      hits: this.store.counters.hits,
      misses: this.store.counters.misses,
      expired: 0,
      evicted: 0,
      commands: this.seen.length,
      rangesLed: 1,
      ranges: [],
    };
  }
  ready(): boolean {
    return this.isReady;
  }
  estimateMs(): number {
    return this.nowMs;
  }
  digest(): void {}
}

class FakeConnection implements ServiceConnection {
  pendingBytes = 0;
  closed = false;
  readonly sizes = new Map<number, number>();

  constructor(
    private readonly service: FakeService,
    readonly protocol: Protocol,
    readonly target: ReplyTarget,
    readonly ordered: boolean,
  ) {}

  execute(bytes: Uint8Array, start: number, end: number, token: number, deadlineMs: number): void {
    this.pendingBytes += end - start;
    this.sizes.set(token, end - start);
    this.service.enqueue({ connection: this, bytes: bytes.slice(start, end), token }, deadlineMs);
  }
  close(): void {
    this.closed = true;
    this.service.connections.delete(this);
  }
}

export interface CountedTelemetry extends Telemetry {
  readonly done: number[];
  readonly failed: ErrorKind[];
  in: number;
  out: number;
}

export function countingTelemetry(): CountedTelemetry {
  const telemetry: CountedTelemetry = {
    done: [],
    failed: [],
    in: 0,
    out: 0,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    commandDone(_protocol, opcode) {
      telemetry.done.push(opcode);
    },
    commandFailed(_protocol, kind) {
      telemetry.failed.push(kind);
    },
    bytesIn(_protocol, count) {
      telemetry.in += count;
    },
    bytesOut(_protocol, count) {
      telemetry.out += count;
    },
  };
  return telemetry;
}
