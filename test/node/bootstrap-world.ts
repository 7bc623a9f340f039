import { below, SeededRandom } from "../../src/base/random.js";
import { runBootstrap } from "../../src/node/bootstrap.js";
import type { BootstrapHandle, BootstrapOutcome } from "../../src/node/bootstrap-types.js";
import type { ClusterSettings } from "../../src/placement/document.js";
import type { TimerHandle, Timers } from "../../src/ports/clock.js";
import type { Identity, IdentityStore } from "../../src/ports/identity.js";
import type { StorageError } from "../../src/ports/log-storage.js";

interface Event {
  readonly atMs: number;
  readonly order: number;
  cancelled: boolean;
  readonly run: () => void;
}

export interface WorldNode {
  readonly name: string;
  readonly address: string;
  initial: readonly string[];
  settings: ClusterSettings;
  disk: Identity | null;
  handle: BootstrapHandle | null;
  /** Rises with each crash: what was begun before it never completes. */
  incarnation: number;
  outcome: BootstrapOutcome | null;
  prepared: string[];
  readonly log: string[];
  /** Cluster ids that were ever on this node's disk. */
  readonly persisted: Set<string>;
  /** What the next writes of the identity fail with. */
  saveErrors: StorageError[];
}

export const settings: ClusterSettings = {
  ranges: 4,
  replicationFactor: 3,
  durability: "fsync",
  reads: "lease",
};

/** Nodes that bootstrap in one virtual time: calls are delayed, lost and late, writes are lost by crashes. */
export class World {
  readonly random: SeededRandom;
  readonly nodes: WorldNode[];
  private readonly events: Event[] = [];
  private nowMs = 0;
  private order = 0;
  lossPercent = 0;

  constructor(seed: number, count: number) {
    this.random = new SeededRandom(seed);
    const addresses = Array.from({ length: count }, (_, at) => `127.0.0.1:720${at + 1}`);
    this.nodes = addresses.map((address, at) => ({
      name: `node-${at + 1}`,
      address,
      initial: addresses,
      settings,
      disk: null,
      handle: null,
      incarnation: 0,
      outcome: null,
      prepared: [],
      log: [],
      persisted: new Set(),
      saveErrors: [],
    }));
  }

  after(delayMs: number, run: () => void): Event {
    const event = { atMs: this.nowMs + delayMs, order: this.order++, cancelled: false, run };
    this.events.push(event);
    return event;
  }

  /** Runs until `untilMs` from now, or until `stop` says so after an event. */
  run(forMs: number, stop: () => boolean = () => false): boolean {
    const untilMs = this.nowMs + forMs;
    for (;;) {
      if (stop()) return true;
      let next: Event | null = null;
      for (const event of this.events) {
        if (next === null || event.atMs < next.atMs || (event.atMs === next.atMs && event.order < next.order))
          next = event;
      }
      if (next === null || next.atMs > untilMs) {
        this.nowMs = untilMs;
        return false;
      }
      this.events.splice(this.events.indexOf(next), 1);
      this.nowMs = next.atMs;
      if (!next.cancelled) next.run();
    }
  }

  /** Starts a node; every start draws a node id of its own, as a process does. */
  start(node: WorldNode): void {
    const incarnation = ++node.incarnation;
    node.outcome = null;
    const alive = (run: () => void) => (): void => {
      if (node.incarnation === incarnation) run();
    };
    const timers: Timers = {
      after: (delayMs, callback) => this.after(delayMs, alive(callback)),
      cancel: (timer: TimerHandle) => {
        (timer as Event).cancelled = true;
      },
      endOfTurn: (callback) => {
        this.after(0, alive(callback));
      },
    };
    const note = (_fields: object, message: string): void => {
      node.log.push(message);
    };
    const { name, address } = node;
    node.handle = runBootstrap(
      {
        self: {
          nodeId: 1 + this.random.u32(),
          name,
          address,
          ports: { resp: `${address}1`, grpc: `${address}2`, peer: address, http: `${address}3` },
          capacity: 1,
          maxmemoryBytes: 1_000_000,
          domain: name,
        },
        initial: node.initial,
        settings: node.settings,
        identity: this.identityOf(node, alive),
        transport: {
          call: (to, body, deadlineMs, done) =>
            this.call(to, body, deadlineMs, (error, reply) => alive(() => done(error, reply))()),
        },
        timers,
        random: this.random,
        log: { debug: note, info: note, warn: note, error: note },
        prepare: (document, _id, ready) => {
          node.prepared.push(document.clusterId);
          this.after(below(this.random, 20), alive(ready));
        },
      },
      (outcome) => {
        node.outcome = outcome;
      },
    );
  }

  /** A write under way lands or doesn't, whatever its caller learns. */
  private identityOf(node: WorldNode, alive: (run: () => void) => () => void): IdentityStore {
    return {
      load: (done) => {
        this.after(
          1,
          alive(() => done(null, node.disk)),
        );
      },
      save: (identity, done) => {
        const { incarnation } = node;
        this.after(below(this.random, 20), () => {
          const error = node.saveErrors.shift() ?? null;
          const crashed = node.incarnation !== incarnation;
          // A later life finds what is there; nothing lands behind its back.
          const restarted = node.incarnation > incarnation + 1;
          if (restarted || (crashed && below(this.random, 2) === 0)) return;
          if (error === null) {
            node.disk = identity;
            node.persisted.add(identity.clusterId);
          }
          this.after(
            below(this.random, 10),
            alive(() => done(error)),
          );
        });
      },
    };
  }

  private call(
    to: string,
    body: Uint8Array,
    deadlineMs: number,
    done: (error: string | null, reply: Uint8Array | null) => void,
  ): void {
    let open = true;
    const answer = (error: string | null, reply: Uint8Array | null): void => {
      if (open) done(error, reply);
      open = false;
    };
    this.after(deadlineMs, () => answer("deadline exceeded", null));
    if (below(this.random, 100) < this.lossPercent) return;
    // Some calls arrive long after their caller gave up.
    const late = below(this.random, 100) < this.lossPercent ? 3000 : 30;
    this.after(below(this.random, late), () => {
      const node = this.nodes.find((each) => each.address === to);
      if (node?.handle == null) {
        answer("connection refused", null);
        return;
      }
      const ours = node.handle.onCall(body, (reply) => {
        this.after(below(this.random, 30), () => answer(null, reply));
      });
      if (!ours) answer("not a bootstrap call", null);
    });
  }

  crash(node: WorldNode): void {
    node.incarnation++;
    node.handle = null;
  }

  /** Cluster ids under which a node has started, by what is on the disks: there must never be two. */
  startedClusters(): Set<string> {
    const started = this.nodes.filter((node) => node.disk?.started === true);
    return new Set(started.map((node) => node.disk!.clusterId));
  }
}
