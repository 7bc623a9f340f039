import { describe, expect, test } from "vitest";
import { limits } from "../../src/base/limits.js";
import type { SessionTable } from "../../src/machine/session-table.js";
import { TurnClock } from "../../src/node/clocks.js";
import type { Replica } from "../../src/node/replica.js";
import type { MetaTables } from "../../src/placement/tables.js";
import type { LogStorage } from "../../src/ports/log-storage.js";
import type { RecordSection } from "../../src/raft/record.js";
import { type Entry, entryTypes } from "../../src/raft/types.js";
import { DurableState } from "./durable-state.js";
import { Leases } from "./leases.js";
import { Marks } from "./marks.js";
import { QueueBounds } from "./queue-bounds.js";
import type { SimNode } from "./sim-cluster.js";
import { SimTransport } from "./sim-transport.js";
import { TableWatch } from "./table-watch.js";

const fail = (what: string): never => {
  throw new Error(what);
};

describe("the watch over tables", () => {
  const range = (id: number, from: number, to: number, epoch = 1, node = 1) => ({
    id,
    epoch,
    slots: [from, to],
    replicas: [{ replica: id, node }],
  });
  const tables = (version: number, ...ranges: ReturnType<typeof range>[]) =>
    ({ version, meta: { id: 0, epoch: 1 }, ranges }) as unknown as MetaTables;
  const look = (...all: MetaTables[]) => {
    const watch = new TableWatch(fail);
    return () => {
      for (const [at, each] of all.entries()) watch.look(at % 2, each);
    };
  };

  test("sees slots without an owner, and with two (safety 37)", () => {
    expect(look(tables(1, range(1, 0, 99), range(2, 100, 16383)))).not.toThrow();
    expect(look(tables(1, range(1, 0, 99), range(2, 101, 16383)))).toThrow("slot 100");
    expect(look(tables(1, range(1, 0, 100), range(2, 100, 16383)))).toThrow("slot 101");
    expect(look(tables(1, range(1, 0, 16382)))).toThrow("end at slot 16383");
  });

  test("sees two tables of one version, two owners in one epoch, and an epoch that goes back", () => {
    expect(look(tables(1, range(1, 0, 16383)), tables(1, range(1, 0, 16383, 2)))).toThrow("of version 1");
    const moved = tables(2, range(1, 0, 16383, 1, 9));
    expect(look(tables(1, range(1, 0, 16383)), moved)).toThrow("two sets of owners");
    const back = [tables(1, range(1, 0, 16383, 5)), tables(1, range(1, 0, 16383, 5))];
    expect(look(...back, tables(2, range(1, 0, 16383, 4, 3)))).toThrow("back from epoch 5");
  });
});

/** A replica as its status says. */
function replicaOf(status: object, range = 1, id = 11): Replica {
  return { range, id, leads: true, group: { status: () => status } } as unknown as Replica;
}

describe("the watch over disks", () => {
  const world = () => {
    const disks = new DurableState(new QueueBounds(fail), fail);
    const storage = { append: (_: unknown, done: (error: null) => void) => done(null) };
    const log = disks.watchLog(0, storage as unknown as LogStorage);
    const write = (section: object) => {
      const whole = { range: 1, replica: 11, reset: null, hardState: null, entries: [], ...section };
      log.append({ sequence: 1, sections: [whole as unknown as RecordSection] }, () => {});
    };
    const state = (term: number, vote: number, commit = 0) => write({ hardState: { term, vote, commit } });
    return { disks, write, state };
  };
  const entry = (index: number, term: number, text: string) => ({
    index,
    term,
    type: entryTypes.command,
    data: Uint8Array.from(text, (each) => each.charCodeAt(0)),
  });

  test("sees terms, votes and commits that go back (safety 1)", () => {
    for (const [term, vote, commit, what] of [
      [4, 2, 9, "term 4 after 5"],
      [5, 3, 9, "votes for 2 and 3"],
      [5, 2, 8, "commit 8 after 9"],
    ] as const) {
      const { state } = world();
      state(5, 2, 9);
      expect(() => state(5, 2, 9)).not.toThrow();
      expect(() => state(term, vote, commit)).toThrow(what);
    }
  });

  test("sees them over a restart", () => {
    const { disks, state } = world();
    state(5, 2, 9);
    expect(() => disks.started(0, replicaOf({ term: 5, vote: 2, commit: 9 }))).not.toThrow();
    expect(() => disks.started(0, replicaOf({ term: 4, vote: 2, commit: 9 }))).toThrow("it was in 5");
    expect(() => disks.started(0, replicaOf({ term: 5, vote: 0, commit: 9 }))).toThrow("it had 2");
    expect(() => disks.started(0, replicaOf({ term: 5, vote: 2, commit: 8 }))).toThrow("it had 9");
  });

  test("terms and votes outlive lost power, what was committed need not (buffered)", () => {
    const { disks, state } = world();
    state(5, 2, 9);
    disks.loseState(0, "power");
    expect(() => disks.started(0, replicaOf({ term: 5, vote: 2, commit: 0 }))).not.toThrow();
    expect(() => disks.started(0, replicaOf({ term: 5, vote: 0, commit: 0 }))).toThrow("safety 1");
  });

  test("sees a replica that lost state vote or lead (safety 35, 53)", () => {
    for (const loss of ["power", "wipe", "bit-flip"] as const) {
      const { disks, state } = world();
      state(5, 2, 9);
      disks.loseState(0, loss);
      const before = { term: 5, vote: 2 };
      expect(() => disks.look(replicaOf({ term: 6, vote: 0, role: "follower" }), before)).not.toThrow();
      expect(() => disks.look(replicaOf({ term: 6, vote: 3, role: "follower" }), before)).toThrow(
        "elections",
      );
      expect(() => disks.look(replicaOf({ term: 6, vote: 0, role: "leader" }), before)).toThrow("elections");
    }
  });

  test("sees logs that don't match", () => {
    const { write } = world();
    write({ entries: [entry(1, 1, "a"), entry(2, 2, "b")] });
    expect(() => write({ entries: [entry(2, 2, "c")] })).toThrow("two contents");
    write({ replica: 12, entries: [entry(1, 3, "a")] });
    expect(() => write({ replica: 12, entries: [entry(2, 2, "b")] })).toThrow("follows one of term");
  });
});

describe("the watch over leases", () => {
  const stopped = { monotonicMs: () => 0, wallMs: () => 0, bootMs: () => 0 };
  const machineOf = (replica: Replica) =>
    ({
      node: { engine: { replicas: new Map([[1, replica]]) }, clock: new TurnClock(stopped) },
      host: { paused: false, clock: stopped },
    }) as unknown as SimNode;
  const holder = (id: number, lease: { index: number | null }) =>
    ({ range: 1, id, leads: true, group: { leaseReadIndex: () => lease.index } }) as unknown as Replica;

  test("sees two leases at one time, where clocks are as promised (safety 17, 18, 19)", () => {
    const lease = { index: 1 as number | null };
    const [one, other] = [holder(11, lease), holder(12, { index: 1 })];
    const leases = new Leases(new Marks(), true, fail);
    leases.look(machineOf(one), one);
    expect(() => leases.look(machineOf(other), other)).toThrow("both hold a lease");
    lease.index = null;
    expect(() => leases.look(machineOf(other), other)).not.toThrow();
    const wild = new Leases(new Marks(), false, fail);
    lease.index = 1;
    wild.look(machineOf(one), one);
    expect(() => wild.look(machineOf(other), other)).not.toThrow();
  });

  test("marks a lease that ran out while its process was stopped, and no other", () => {
    for (const expires of [false, true]) {
      const marks = new Marks();
      const lease = { index: 1 as number | null };
      const replica = holder(11, lease);
      const thaw = new Leases(marks, true, fail).freeze(machineOf(replica));
      if (expires) lease.index = null;
      thaw();
      expect(marks.counts.has("lease expired under pause")).toBe(expires);
    }
  });
});

describe("the watch over queues (safety 65, 66)", () => {
  interface Parts {
    lane?: { queuedBytes: number; queuedFrames: number };
    held?: { held: number; refused: number; counted: number };
    inflights?: { count: number; bytes: number };
    uncommittedBytes?: number;
  }
  const machine = (parts: Parts) => {
    const transport = Object.create(SimTransport.prototype) as SimTransport;
    transport.queues = () => (parts.lane ? [{ lane: "raft", limitBytes: 100, ...parts.lane }] : []);
    const commands = (bytes: number) => (bytes > 0 ? [{ bytes: new Uint8Array(bytes) }] : []);
    const { held, refused, counted } = parts.held ?? { held: 0, refused: 0, counted: 0 };
    const route = { id: 1, held: commands(held), refused: commands(refused), heldBytes: counted };
    const peers = new Map([[12, { replica: 12, inflights: parts.inflights ?? { count: 0, bytes: 0 } }]]);
    const leader = { range: 1, leads: true, leadTerm: 3, group: { state: { peers } } };
    const engine = { replicas: new Map([[1, leader]]), uncommittedBytes: parts.uncommittedBytes ?? 0 };
    const node = { options: { transport }, routing: { routes: new Map([[1, route]]) }, engine };
    return { at: 0, node } as unknown as SimNode & { node: { engine: { uncommittedBytes: number } } };
  };
  const look = (parts: Parts) => () => new QueueBounds(fail).look(machine(parts));

  test("sees a lane above its bound; one oversize frame is none", () => {
    expect(look({ lane: { queuedBytes: 900, queuedFrames: 1 } })).not.toThrow();
    expect(look({ lane: { queuedBytes: 101, queuedFrames: 2 } })).toThrow("raft lane");
  });

  test("sees commands that wait for a leader above the bound, or aren't counted", () => {
    expect(look({ held: { held: 10, refused: 5, counted: 15 } })).not.toThrow();
    expect(look({ held: { held: 10, refused: 5, counted: 10 } })).toThrow("10 are counted");
    const above = limits.heldBytes + 1;
    expect(look({ held: { held: above, refused: 0, counted: above } })).toThrow("wait for a leader");
  });

  test("sees too much on its way to a follower", () => {
    const { inflightMessages, inflightBytes } = limits;
    expect(look({ inflights: { count: inflightMessages, bytes: inflightBytes } })).not.toThrow();
    expect(look({ inflights: { count: 1, bytes: inflightBytes * 2 } })).not.toThrow();
    expect(look({ inflights: { count: inflightMessages + 1, bytes: 1 } })).toThrow("on their way");
    expect(look({ inflights: { count: 2, bytes: inflightBytes + 1 } })).toThrow("on their way");
  });

  test("sees uncommitted bytes grow above the bound", () => {
    const bounds = new QueueBounds(fail);
    const node = machine({ uncommittedBytes: 1 });
    bounds.look(node);
    node.node.engine.uncommittedBytes = limits.uncommittedNodeBytes + 1;
    expect(() => bounds.look(node)).not.toThrow();
    node.node.engine.uncommittedBytes = limits.uncommittedNodeBytes + limits.entryBytes * 2;
    expect(() => bounds.look(node)).toThrow("uncommitted bytes");
  });

  test("sees sessions that keep too much", () => {
    const bytes = new Uint8Array(0);
    const session = { id: 7, sequences: 0, replyBytes: 0 } as Parameters<SessionTable["add"]>[0];
    const table = { add() {}, chargedBytes: 0, shareBytes: 10 } as unknown as SessionTable;
    new QueueBounds(fail).watchSessions(1, table);
    const add = () => table.add(session, 1, 0, bytes);
    expect(add).not.toThrow();
    session.sequences = limits.sessionWindowCommands + 1;
    expect(add).toThrow("replies");
    session.sequences = 1;
    session.replyBytes = limits.sessionReplyBytes * 2;
    expect(add).toThrow("bytes");
    session.replyBytes = 0;
    table.chargedBytes = 11;
    expect(add).toThrow("11 of 10");
  });

  test("sees an entry above its bound that holds more than one command", () => {
    const entryOf = (count: number): Entry => {
      const data = new Uint8Array(limits.entryBytes * 2);
      data.set([1, 1]);
      new DataView(data.buffer).setUint32(10, count, true);
      return { index: 1, term: 1, type: entryTypes.command, data };
    };
    const check = (count: number) => () => new QueueBounds(fail).checkEntry(entryOf(count));
    expect(check(1)).not.toThrow();
    expect(check(2)).toThrow("2 commands");
  });
});
