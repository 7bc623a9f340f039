import type { HashKey } from "../../src/base/keyed-hash.js";
import type { CommandView } from "../../src/commands/command-codec.js";
import type { ReplySink } from "../../src/commands/reply-sink.js";
import { createMachine } from "../../src/machine/key-range-machine.js";
import type { Machine } from "../../src/machine/machine.js";
import type { SessionTable } from "../../src/machine/session-table.js";
import type { SlotSpan } from "../../src/machine/slots.js";
import type { Store } from "../../src/store/keyspace.js";
import { createStore } from "../../src/store/map-store.js";
import type { Marks } from "./marks.js";

/** What of a key range's machine is looked at from within. */
interface Inside {
  readonly store: Store;
  readonly sessions: SessionTable;
  readonly slots: SlotSpan;
  readonly hashKey: HashKey;
  /** The limit in force. */
  readonly targetBytes: number;
  run(view: CommandView, nowMs: number, reply: ReplySink): void;
}

/** null: a machine that isn't a key range's. */
function insideOf(machine: Machine): Inside | null {
  return Reflect.get(machine, "store") === undefined ? null : (machine as unknown as Inside);
}

export interface StoreWatchOptions {
  readonly marks: Marks;
  fail(what: string): never;
  /** Whether some nodes are cut off from others now. */
  isPartitioned(): boolean;
  /** Whether the replica leads its range. */
  leads(): boolean;
}

/**
 * What must hold of one replica's store at every entry: the charge stays within the limit, or falls towards one that was
 * cut; what is refused for lack of memory changed nothing. Notes what a run should have met.
 */
export class StoreWatch {
  private readonly inside: Inside | null;
  private storeBytes = 0;
  private sessionBytes = 0;
  private evicted = 0;
  private expired = 0;
  private isRestored = false;

  constructor(
    private readonly machine: Machine,
    private readonly options: StoreWatchOptions,
  ) {
    const inside = insideOf(machine);
    this.inside = inside;
    if (inside === null) return;
    this.remember(inside);
    this.watchRefusals(inside);
    this.watchForms(inside.store);
  }

  /** The machine's state was replaced by a snapshot's, which may be on its way down to a limit that was cut. */
  restored(): void {
    if (this.inside === null) return;
    this.isRestored = true;
    this.remember(this.inside);
  }

  /** An entry was applied. */
  applied(): void {
    const { inside, options } = this;
    if (inside === null) return;
    this.check(inside);
    const { counters } = inside.store;
    if (counters.evicted > this.evicted) {
      options.marks.hit("evicted under pressure");
      if (this.isRestored && !options.leads()) options.marks.hit("evicted on a restored follower");
    }
    if (counters.expired > this.expired && options.isPartitioned())
      options.marks.hit("expired while partitioned");
    this.remember(inside);
  }

  private remember({ store, sessions }: Inside): void {
    this.storeBytes = store.chargedBytes;
    this.sessionBytes = sessions.chargedBytes;
    this.evicted = store.counters.evicted;
    this.expired = store.counters.expired;
  }

  private check({ store, sessions, targetBytes }: Inside): void {
    const { shareBytes } = sessions;
    const name = `the store, at index ${this.machine.status().appliedIndex},`;
    if (store.chargedBytes > Math.max(targetBytes - shareBytes, this.storeBytes))
      this.options.fail(`${name} charges ${store.chargedBytes} of ${targetBytes - shareBytes} bytes`);
    if (sessions.chargedBytes > Math.max(shareBytes, this.sessionBytes))
      this.options.fail(`${name} has sessions of ${sessions.chargedBytes} in ${shareBytes} bytes`);
    if (store.chargedBytes > targetBytes - shareBytes) this.options.marks.hit("above a limit that was cut");
  }

  /**
   * Evictions that made too little room stand; no entry has changed else. Which keys were drawn as victims, and are kept for
   * the next draw, isn't looked at.
   */
  private watchRefusals(inside: Inside): void {
    const { store, run } = inside;
    const entries = Reflect.get(store, "sum") as { readonly low: number; readonly high: number };
    inside.run = (view, nowMs, reply) => {
      const { revision, chargedBytes } = store;
      const { evicted } = store.counters;
      const { low, high } = entries;
      let isRefused = false;
      const noting = new Proxy(reply, {
        get(target, name) {
          const member: unknown = Reflect.get(target, name);
          if (typeof member !== "function") return member;
          return (...args: unknown[]) => {
            if (name === "error" && args[0] === "out-of-memory") isRefused = true;
            return Reflect.apply(member, target, args) as unknown;
          };
        },
      });
      run.call(inside, view, nowMs, noting);
      if (!isRefused) return;
      const evictions = store.counters.evicted - evicted;
      const isSame =
        evictions > 0 ||
        (store.chargedBytes === chargedBytes && entries.low === low && entries.high === high);
      if (store.revision !== revision + evictions || !isSame)
        this.options.fail("a command that was refused for lack of memory changed something (safety 64)");
    };
  }

  private watchForms(store: Store): void {
    const { marks } = this.options;
    const noted = store as unknown as Record<"makeLarge" | "makeSmall" | "touch", (...args: never) => void>;
    for (const [name, mark] of [
      ["makeLarge", "collection became large"],
      ["makeSmall", "collection became small again"],
      ["touch", "touch applied"],
    ] as const) {
      const made = noted[name];
      noted[name] = (...args: never) => {
        marks.hit(mark);
        made.apply(store, args);
      };
    }
  }
}

/** The whole state as bytes of snapshots. */
export function contentOf(machine: Machine): readonly Uint8Array[] {
  const walk = machine.openSnapshot();
  const chunks: Uint8Array[] = [];
  for (let chunk = walk.next(); chunk !== null; chunk = walk.next()) chunks.push(chunk.slice());
  walk.close();
  return chunks;
}

/**
 * The digest as a machine reckons it that was made from a state's bytes; null for a machine that isn't a key range's.
 * What was left out of a digest that is kept up with each change shows here.
 */
export function digestAnew(machine: Machine, content: readonly Uint8Array[]): string | null {
  const inside = insideOf(machine);
  if (inside === null) return null;
  const { hashKey, slots, store } = inside;
  const limitBytes = 0;
  const fresh = createMachine({
    store: createStore({ hashKey, limitBytes, valueLimitBytes: store.valueLimitBytes }),
    slots,
    hashKey,
  });
  fresh.beginRestore();
  for (const chunk of content) fresh.restore(chunk);
  fresh.endRestore();
  return fresh.digest();
}
