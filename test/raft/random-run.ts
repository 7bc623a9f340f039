import { expect } from "vitest";
import { utf8Bytes } from "../../src/base/bytes.js";
import { below, SeededRandom } from "../../src/base/random.js";
import type { Configuration } from "../../src/raft/types.js";
import { Cluster } from "./cluster.js";
import { Invariants } from "./invariants.js";

const nobody: Configuration = { voters: [], outgoing: [], learners: [] };

/**
 * A small cluster under everything that a network and a disk may do, from one seed. Steps are short against the
 * timeouts, so that elections, leases and expiries all happen within a run.
 */
export class RandomRun {
  readonly invariants = new Invariants();
  changes = 0;
  private readonly random: SeededRandom;
  private readonly cluster: Cluster;
  private readonly members: number;
  private readonly actions: readonly (readonly [weight: number, act: (id: number) => void])[];
  private proposals = 0;
  private context = 0;

  constructor(seed: number, changesMembers: boolean) {
    this.random = new SeededRandom(seed);
    const quorumReads = this.draw(3) === 0;
    this.cluster = new Cluster({
      maxAppendBytes: this.draw(2) === 0 ? 1 : 1000,
      maxInflightMessages: 1 + this.draw(4),
      reads: quorumReads ? "quorum" : "lease",
      randomOf: () => new SeededRandom(this.random.u32()),
      // Rates differ by up to 5 %, which is what leases allow for.
      rateOf: (id) => 0.975 + 0.05 * (((seed * 31 + id * 17) % 11) / 10),
      events: this.invariants,
    });
    this.invariants.cluster = this.cluster;
    const voters = Array.from({ length: 3 + this.draw(3) }, (_, i) => i + 1);
    for (const id of voters) this.cluster.add(id, { ...nobody, voters });
    this.members = changesMembers ? 6 : voters.length;
    for (let id = voters.length + 1; id <= this.members; id++) this.cluster.add(id, nobody);
    const { cluster } = this;
    this.actions = [
      [70, () => this.deliverSome()],
      [20, () => cluster.advance(this.draw(this.draw(8) === 0 ? 1000 : 100), this.draw(3) === 0)],
      [15, (id) => cluster.on(id, (group) => group.propose(utf8Bytes(`p${this.proposals++}`)))],
      [10, (id) => this.read(id)],
      [10, (id) => this.leaseRead(id)],
      [6, (id) => cluster.setPersist(id, this.draw(2) === 0)],
      [6, (id) => cluster.persist(id, 1)],
      [4, (id) => cluster.setApply(id, this.draw(2) === 0)],
      [3, (id) => cluster.crash(id)],
      // A forced campaign breaks what followers promised, so leases can't hold beside it.
      [quorumReads ? 2 : 0, (id) => cluster.on(id, (group) => group.campaign(cluster.clockMs(id)))],
      [2, (id) => void cluster.on(id, (group) => group.transferLeadership(1 + this.draw(this.members)))],
      [2, (id) => cluster.isolate(id)],
      [3, () => void cluster.cut.add(`${1 + this.draw(this.members)}->${1 + this.draw(this.members)}`)],
      [6, () => cluster.heal()],
      [2, (id) => this.snapshot(id)],
      [4, (id) => void cluster.pull(id)],
      [2, (id) => cluster.on(id, (group) => group.reportUnreachable(1 + this.draw(this.members)))],
      [changesMembers ? 12 : 0, (id) => this.change(id)],
    ];
  }

  private draw(bound: number): number {
    return below(this.random, bound);
  }

  private get ids(): number[] {
    return [...this.cluster.replicas.keys()];
  }

  /** Faults, proposals and reads in any order. */
  disturb(steps: number): void {
    const total = this.actions.reduce((sum, [weight]) => sum + weight, 0);
    for (let step = 0; step < steps; step++) {
      for (const id of this.ids) if (this.draw(10) === 0) this.restart(id);
      const running = this.ids.filter((id) => this.cluster.replica(id).group !== null);
      if (running.length === 0) continue;
      let pick = this.draw(total);
      let at = 0;
      while (pick >= this.actions[at]![0]) pick -= this.actions[at++]![0];
      this.actions[at]![1](running[this.draw(running.length)]!);
    }
    this.invariants.checkLogs();
  }

  /** Once everything works again the cluster comes back and commits: nothing was wedged. */
  recover(): void {
    const { cluster } = this;
    cluster.heal();
    for (const id of this.ids) {
      this.restart(id);
      cluster.setPersist(id, true);
      cluster.setApply(id, true);
    }
    for (let i = 0; i < 40; i++) {
      cluster.advance(250, true);
      for (const id of this.ids) {
        if (cluster.group(id).needsSnapshot()) cluster.takeSnapshot(id);
        cluster.pull(id);
      }
    }
    const leader = cluster.leader();
    expect(leader, "a leader once faults are over").not.toBeNull();
    expect(cluster.on(leader!, (group) => group.propose(utf8Bytes("last"))).ok).toBe(true);
    cluster.advance(500, true);
    const { lastIndex, configuration } = cluster.group(leader!).status();
    const { voters, outgoing, learners } = configuration;
    for (const id of [...voters, ...outgoing, ...learners])
      expect(cluster.group(id).status().applied, `replica ${id} applied`).toBe(lastIndex);
    this.invariants.checkLogs();
  }

  private restart(id: number): void {
    const replica = this.cluster.replica(id);
    if (replica.group !== null) return;
    this.invariants.onRestart(replica);
    this.cluster.start(id);
  }

  private deliverSome(): void {
    const { inFlight } = this.cluster;
    for (let i = this.draw(16); i >= 0 && inFlight.length > 0; i--) {
      // Mostly in order, sometimes any; now and then twice or never.
      const at = this.draw(4) === 0 ? this.draw(inFlight.length) : 0;
      if (this.draw(20) === 0) inFlight.push(inFlight[at]!);
      if (this.draw(15) === 0) inFlight.splice(at, 1);
      else this.cluster.deliverAt(at);
    }
  }

  private read(id: number): void {
    const context = ++this.context;
    this.invariants.beginRead(context);
    if (!this.cluster.on(id, (group) => group.readIndex(context)))
      this.invariants.onDroppedRead(this.cluster.replica(id), context);
  }

  private leaseRead(id: number): void {
    const index = this.cluster.group(id).leaseReadIndex(this.cluster.leaseNowMs(id));
    if (index !== null) this.invariants.checkLeaseRead(index);
  }

  private snapshot(id: number): void {
    if (this.cluster.group(id).status().applied > 0) this.cluster.takeSnapshot(id, this.draw(3));
  }

  /** The next step of a joint change, or the beginning of any change at all. */
  private change(id: number): void {
    const { configuration } = this.cluster.group(id).status();
    const { voters, outgoing, learners } = configuration;
    const other = 1 + this.draw(this.members);
    let next: Configuration = { ...configuration, outgoing: [] };
    if (outgoing.length === 0 && this.draw(2) === 0) {
      const without = (list: readonly number[]): number[] => list.filter((one) => one !== other);
      if (voters.includes(other)) next = { voters: without(voters), outgoing: voters, learners };
      else if (learners.includes(other)) {
        const more = [...voters, other].sort((a, b) => a - b);
        next = { voters: more, outgoing: voters, learners: without(learners) };
      } else next = { voters, outgoing, learners: [...learners, other].sort((a, b) => a - b) };
    } else if (outgoing.length === 0) return;
    if (next.voters.length < 2) return;
    if (this.cluster.on(id, (group) => group.proposeConfiguration(next)).ok) this.changes++;
  }
}
