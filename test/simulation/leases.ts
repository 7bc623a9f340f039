import type { RangeId } from "../../src/base/units.js";
import type { TurnClock } from "../../src/node/clocks.js";
import type { Replica } from "../../src/node/replica.js";
import type { Clock } from "../../src/ports/clock.js";
import type { Marks } from "./marks.js";
import type { SimNode } from "./sim-cluster.js";

interface Holder {
  readonly machine: SimNode;
  readonly replica: Replica;
}

/** Who may read without asking anybody: at most one replica of a range at one true time (safety 16, 17, 18, 19). */
export class Leases {
  /** Who was seen to hold the lease of a range last. */
  private readonly holders = new Map<RangeId, Holder>();

  constructor(
    private readonly marks: Marks,
    /** False where clocks differ by more than the margin of a lease. */
    private readonly areDisjoint: boolean,
    private readonly fail: (what: string) => never,
  ) {}

  /** Looks at a leader in which something ran: a lease can't begin anywhere else. */
  look(machine: SimNode, replica: Replica): void {
    if (!holdsLease({ machine, replica })) return;
    const before = this.holders.get(replica.range);
    if (before?.replica === replica) return;
    if (this.areDisjoint && before !== undefined && !before.machine.host.paused && holdsLease(before))
      this.fail(
        `replicas ${before.replica.id} and ${replica.id} of range ${replica.range} both hold a lease ` +
          "(safety 16, 17, 18, 19)",
      );
    this.holders.set(replica.range, { machine, replica });
  }

  /**
   * A process is about to stop for a while.
   * @returns to be called when its clocks go on, before anything runs in it.
   */
  freeze(machine: SimNode): () => void {
    const held = [...(machine.node?.engine?.replicas.values() ?? [])].filter((replica) =>
      holdsLease({ machine, replica }),
    );
    return () => {
      // Nothing ran since: each still believes that it leads, and no timer told it otherwise.
      if (held.some((replica) => replica.leads && !holdsLease({ machine, replica })))
        this.marks.hit("lease expired under pause");
    };
  }
}

/** Whether the replica would serve a lease read now, if its turn read the clocks; it doesn't. */
function holdsLease({ machine, replica }: Holder): boolean {
  const { node, host } = machine;
  if (node === null || node.engine?.replicas.get(replica.range) !== replica) return false;
  return replica.group.leaseReadIndex(leaseNowOf(node.clock, host.clock)) !== null;
}

/** What `sample` would make of the clocks, without moving on. */
function leaseNowOf(turn: TurnClock, clock: Clock): number {
  const anchor = (name: string): number => Reflect.get(turn, name) as number;
  const elapsedMs = Math.max(
    clock.monotonicMs() - anchor("anchorMonotonicMs"),
    clock.wallMs() - anchor("anchorWallMs"),
    clock.bootMs() - anchor("anchorBootMs"),
  );
  return Math.max(turn.leaseNowMs, anchor("anchorLeaseMs") + elapsedMs);
}
