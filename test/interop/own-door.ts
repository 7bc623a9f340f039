import { ByteReader, ByteWriter } from "../../src/base/bytes.js";
import type { HashKey } from "../../src/base/keyed-hash.js";
import { CommandView } from "../../src/commands/command-codec.js";
import { commandError } from "../../src/commands/cut.js";
import { nullSink } from "../../src/commands/reply-sink.js";
import { commandByOpcode } from "../../src/commands/table.js";
import { createRespServer, type RespServer } from "../../src/edge/resp/resp-server.js";
import { EntryBuilder } from "../../src/machine/entry-codec.js";
import { createMachine } from "../../src/machine/key-range-machine.js";
import type { Machine } from "../../src/machine/machine.js";
import type { ReplyTarget, Service, ServiceConnection } from "../../src/node/service.js";
import { createStore } from "../../src/store/map-store.js";
import { silentTelemetry } from "../edge/fake-cluster.js";

const hashKey: HashKey = [5, 6, 7, 8];
/** As Redis's own bound of a value. */
const valueLimitBytes = 512 * 1024 * 1024;
const stampMs = 1_700_000_000_000;

/** Our RESP door before one range's state machine, which applies an entry for each write: all of a node but Raft. */
export class OwnDoor {
  readonly machine: Machine = createMachine({
    store: createStore({ hashKey, limitBytes: 4 * 1024 ** 3, valueLimitBytes }),
    slots: [0, 16383],
    hashKey,
  });
  private readonly view = new CommandView();
  private readonly reader = new ByteReader(new Uint8Array(0));
  private readonly builder = new EntryBuilder(new ByteWriter());
  private index = 0;
  private readonly server: RespServer;

  constructor() {
    const service = { connect: (_protocol: string, target: ReplyTarget) => this.connect(target) };
    this.server = createRespServer({
      service: service as unknown as Service,
      telemetry: silentTelemetry,
      serverInfo: { version: "0", nodeId: 1 },
      valueLimitBytes,
    });
  }

  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.listen("127.0.0.1", 0, (error) => {
        if (error === null) resolve(this.server.address()!.port);
        else reject(new Error(error));
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.server.close(resolve));
  }

  private connect(target: ReplyTarget): ServiceConnection {
    let flushing = false;
    return {
      execute: (bytes, start, end, token) => {
        this.run(bytes, start, end, target, token);
        if (flushing) return;
        flushing = true;
        setImmediate(() => {
          flushing = false;
          target.flush();
        });
      },
      pendingBytes: 0,
      close() {},
    };
  }

  private run(bytes: Uint8Array, start: number, end: number, target: ReplyTarget, token: number): void {
    this.reader.reset(bytes, start, end);
    this.view.decode(this.reader);
    const sink = target.reply(token);
    const definition = commandByOpcode(this.view.opcode)!;
    const error = commandError(definition, this.view, valueLimitBytes);
    if (error !== null) sink.error(error.kind, error.message);
    else if (definition.access === "read") {
      if (this.machine.isDue(this.view, stampMs)) throw new Error("a deadline is due");
      this.machine.read(this.view, stampMs, sink);
    } else {
      this.builder.begin();
      this.builder.add(bytes, start, end);
      const observer = { before() {}, sink: (n: number) => (n === 0 ? sink : nullSink), after() {} };
      this.machine.apply(++this.index, 1, this.builder.finish(stampMs), observer);
    }
    target.done(token, null);
  }
}
