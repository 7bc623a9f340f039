import { ByteReader, ByteWriter, latin1Bytes } from "../../src/base/bytes.js";
import { CommandView, plainHeader, writeCommand } from "../../src/commands/command-codec.js";
import { ValueSink } from "../../src/commands/reply-codec.js";
import { commandByName } from "../../src/commands/table.js";
import {
  EntryBuilder,
  writeClockEntry,
  writeLimitEntry,
  writePolicyEntry,
} from "../../src/machine/entry-codec.js";
import { createMachine } from "../../src/machine/key-range-machine.js";
import type { Machine } from "../../src/machine/machine.js";
import { TouchList } from "../../src/machine/touch-list.js";
import { policyByName } from "../../src/store/eviction/policies.js";
import type { Store } from "../../src/store/keyspace.js";
import { createStore } from "../../src/store/map-store.js";
import { type Shown, show, testHashKey } from "../commands/harness.js";

/** One replica of a range without Raft: entries are bytes, so that others can replay them. */
export class EvictionReplica {
  readonly machine: Machine;
  readonly store: Store;
  readonly log: Uint8Array[] = [];
  nowMs = 1_000_000;
  private readonly touches = new TouchList();

  constructor(policy: string, limitBytes: number) {
    this.store = createStore({ hashKey: testHashKey, limitBytes, valueLimitBytes: 4 * 1024 * 1024 });
    this.machine = createMachine({ store: this.store, slots: [0, 16_383], hashKey: testHashKey });
    this.policy(policy);
  }

  apply(data: Uint8Array): Shown[] {
    this.log.push(data);
    const sinks: ValueSink[] = [];
    this.machine.apply(this.machine.status().appliedIndex + 1, 1, data, {
      before() {},
      sink(n) {
        sinks[n] = new ValueSink();
        return sinks[n];
      },
      after() {},
    });
    return sinks.map((sink) => show(sink.value()));
  }

  /** One entry of commands, words divided by blanks, a millisecond later. */
  run(...commands: string[]): Shown[] {
    const builder = new EntryBuilder(new ByteWriter(4096));
    builder.begin();
    for (const text of commands) {
      const bytes = commandBytes(text);
      builder.add(bytes, 0, bytes.length);
    }
    return this.apply(builder.finish(++this.nowMs));
  }

  policy(name: string): void {
    const out = new ByteWriter();
    writePolicyEntry(out, ++this.nowMs, policyByName(name)!.code);
    this.apply(out.take());
  }
  limit(limitBytes: number): void {
    const out = new ByteWriter();
    writeLimitEntry(out, ++this.nowMs, limitBytes);
    this.apply(out.take());
  }
  clock(nowMs: number): void {
    this.nowMs = nowMs;
    const out = new ByteWriter();
    writeClockEntry(out, nowMs);
    this.apply(out.take());
  }

  /** Reads at the leader: nothing but notes changes. */
  read(text: string): Shown {
    const view = new CommandView();
    view.decode(new ByteReader(commandBytes(text)));
    const sink = new ValueSink();
    this.machine.noteReads(this.touches);
    this.machine.read(view, this.nowMs, sink);
    this.machine.noteReads(null);
    return show(sink.value());
  }

  /** Sends the notes as an entry of touches; @returns how many. */
  sendTouches(): number {
    const builder = new EntryBuilder(new ByteWriter(4096));
    builder.begin();
    let sent = 0;
    this.touches.take(2048, 8192, (slot, low, high, uses) => {
      builder.addTouch(slot, low, high, uses);
      sent++;
      return "sent";
    });
    if (sent > 0) this.apply(builder.finish(++this.nowMs));
    return sent;
  }

  /** Another replica from a snapshot of this one. */
  restored(): EvictionReplica {
    const other = new EvictionReplica("noeviction", 1024);
    const walk = this.machine.openSnapshot();
    other.machine.beginRestore();
    for (let chunk = walk.next(); chunk !== null; chunk = walk.next()) other.machine.restore(chunk);
    walk.close();
    other.machine.endRestore();
    other.nowMs = this.nowMs;
    return other;
  }

  has(key: string): boolean {
    return this.read(`EXISTS ${key}`) === 1;
  }
  get keys(): number {
    return this.machine.status().keys;
  }
  get chargedBytes(): number {
    return this.machine.status().chargedBytes;
  }
}

function commandBytes(text: string): Uint8Array {
  const words = text.split(" ");
  const out = new ByteWriter();
  writeCommand(out, plainHeader(commandByName(words[0]!)!.opcode), words.slice(1).map(latin1Bytes));
  return out.take();
}
