import { ByteReader, ByteWriter, utf8Bytes } from "../../../src/base/bytes.js";
import type { HashKey } from "../../../src/base/keyed-hash.js";
import { CommandView, plainHeader, writeCommand } from "../../../src/commands/command-codec.js";
import { type ReplyValue, ValueSink } from "../../../src/commands/reply-codec.js";
import { commandByName } from "../../../src/commands/table.js";
import { EntryBuilder, writePolicyEntry } from "../../../src/machine/entry-codec.js";
import { createMachine, silentObserver } from "../../../src/machine/key-range-machine.js";
import type { Machine } from "../../../src/machine/machine.js";
import { RangeTouches } from "../../../src/node/range-touches.js";
import { stringCharge } from "../../../src/store/charge.js";
import { policyByName } from "../../../src/store/eviction/policies.js";
import { createStore } from "../../../src/store/map-store.js";
import { type Outcome, writeWords } from "./redis-side.js";
import { batchRequests, keyName, type Trace, valueBytes } from "./traces.js";

const hashKey: HashKey = [0x51, 0x52, 0x53, 0x54];
const startMs = 1_700_000_000_000;
const housekeepingMs = 90;

/** One range of its own in this process: entries are applied as a leader would propose them, touches with them. */
export class Range {
  readonly machine: Machine;
  private readonly touches: RangeTouches;
  private readonly builder = new EntryBuilder(new ByteWriter(8192));
  private readonly out = new ByteWriter(256);
  private readonly view = new CommandView();
  private readonly reader = new ByteReader(new Uint8Array(0));
  private nowMs = startMs;
  private keptMs = 0;

  /** A limit for `resident` keys as the bench writes them, beside the sessions' share. */
  constructor(policy: string, resident: number) {
    const charge = stringCharge(keyName(0).length, valueBytes);
    const limitBytes = Math.ceil((resident * charge) / 0.95) + 20;
    const store = createStore({ hashKey, limitBytes, valueLimitBytes: 1024 * 1024 });
    this.machine = createMachine({ store, slots: [0, 16_383], hashKey });
    this.touches = new RangeTouches(this.machine);
    const out = new ByteWriter(16);
    writePolicyEntry(out, this.nowMs, policyByName(policy)!.code);
    this.apply(out.take());
  }

  /** Moves time on, and does what a leader does every 90 ms. */
  advance(nowMs: number): void {
    this.nowMs = startMs + Math.floor(nowMs);
    if (nowMs - this.keptMs < housekeepingMs) return;
    this.keptMs = nowMs;
    this.touches.follow(true);
    const entry = this.touches.ownEntry(this.nowMs);
    if (entry !== null) this.apply(entry);
  }

  read(key: number): ReplyValue {
    this.encode(["GET", keyName(key)]);
    this.reader.reset(this.out.bytes, 0, this.out.length);
    this.view.decode(this.reader);
    const sink = new ValueSink();
    this.machine.read(this.view, this.nowMs, sink);
    return sink.value();
  }

  write(commands: readonly (readonly string[])[]): void {
    this.builder.begin();
    for (const words of commands) {
      this.encode(words);
      this.builder.add(this.out.bytes, 0, this.out.length);
    }
    this.touches.ride(this.builder, this.nowMs, this.nowMs);
    this.apply(this.builder.finish(this.nowMs));
  }

  private encode(words: readonly string[]): void {
    const { out } = this;
    out.clear();
    const definition = commandByName(words[0]!)!;
    writeCommand(out, plainHeader(definition.opcode), words.slice(1).map(utf8Bytes));
  }

  private apply(data: Uint8Array): void {
    this.machine.apply(this.machine.status().appliedIndex + 1, 1, data, silentObserver);
  }
}

/** The same requests, in the same batches and at the same pace of log time, as `runOnRedis`. */
export function runOnQuorate(policy: string, trace: Trace, resident: number, lastsSeconds: number): Outcome {
  const range = new Range(policy, resident);
  const { keys } = trace;
  const started = performance.now();
  let hits = 0;
  for (let at = 0; at < keys.length; at += batchRequests) {
    range.advance((at / keys.length) * lastsSeconds * 1000);
    const writes: string[][] = [];
    for (const key of keys.subarray(at, at + batchRequests)) {
      if (range.read(key).type === "nil") writes.push(writeWords(policy, key));
      else hits++;
    }
    if (writes.length > 0) range.write(writes);
  }
  return {
    hits,
    requests: keys.length,
    resident: range.machine.status().keys,
    seconds: (performance.now() - started) / 1000,
  };
}
