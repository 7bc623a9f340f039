import { metaRangeId, type NodeId, type RangeId, type ReplicaId } from "../base/units.js";
import { writeLimitEntry, writePolicyEntry } from "../machine/entry-codec.js";
import type { ClusterDocument } from "../placement/document.js";
import type { MemberClaim } from "../placement/meta-command.js";
import type { FencedReplica } from "../placement/plan.js";
import { groupsOf, type MetaTables, tablesOf } from "../placement/tables.js";
import type { RecoveredLog } from "../ports/log-storage.js";
import type { RecoveredReplica } from "../raft/record.js";
import type { SnapshotMeta } from "../raft/types.js";
import type { BootstrapOutcome } from "./bootstrap-types.js";
import { chosenPolicy, evictionSetting } from "./eviction-setting.js";
import type { QuorateNode } from "./node.js";
import type { Replica, ReplicaHost } from "./replica.js";
import {
  beginningAt,
  createdSection,
  createReplica,
  documentConfiguration,
  documentReplicas,
  emptyConfiguration,
  freshOrigin,
  markSection,
  type ReplicaOrigin,
  withTermOfLog,
} from "./replica-factory.js";
import { resetSection } from "./snapshotter.js";

/** Share of a state that its log may take before it is compacted. */
const logShare = 0.5;
/** The node's log in relation to one range's limit: above it, whoever pins the oldest records is snapshotted. */
const nodeLogFactor = 4;

/** The replicas of this node: recovered, created, fenced, removed, as its log and meta's tables say. */
export class ReplicaSet {
  /** Replicas here that lost what they had promised; meta replaces them. */
  readonly fenced: FencedReplica[] = [];
  private readonly node: QuorateNode;
  private readonly host: ReplicaHost;
  /** Not null: the log lost something; every replica that the tables give this node is fenced. */
  private damage: string | null;
  private rejoining = false;
  /** True once tables came from a peer. */
  private peerTold = false;
  /** True once meta's leader told tables that hold everything that was committed when it was asked. */
  private confirmed = false;
  private prepared = false;
  private begun = false;
  /** Replicas are still being brought up from log and snapshots: those that aren't there yet are not missing. */
  private recovering = false;
  /** Not null: a peer remembers more than this log has, so every replica that still comes up is fenced. */
  private lost: string | null = null;
  /** (range, replica) that this node had and must never have again. */
  private readonly gone = new Set<string>();
  private readonly creating = new Set<RangeId>();

  constructor(node: QuorateNode, recovered: RecoveredLog, host: ReplicaHost) {
    this.node = node;
    this.host = host;
    this.damage = recovered.damage;
  }

  /** Makes the log ready for the document's replicas, before the node counts as started. */
  prepare(document: ClusterDocument, node: NodeId, done: () => void): void {
    const { recorder } = this.node.engine;
    this.prepared = true;
    let left = 0;
    const one = (): void => {
      if (--left === 0) done();
    };
    const replicas = documentReplicas(document, node);
    for (const { range, replica } of replicas) {
      left++;
      const origin = freshOrigin(range, replica, documentConfiguration(document, range));
      recorder.addSection(createdSection(origin), one);
    }
    if (left === 0) done();
    else recorder.flush();
  }

  /** The node knows its cluster: replicas come up. */
  begin(
    outcome: BootstrapOutcome & { document: ClusterDocument },
    recovered: RecoveredLog,
    done: () => void,
  ): void {
    const { node } = this;
    const { log } = node.options.telemetry;
    this.begun = true;
    this.rejoining = outcome.kind === "rejoin" && !outcome.confirmed;
    for (const each of recovered.replicas) this.noteGone(each);
    if (this.damage !== null) {
      log.error(
        { reason: this.damage },
        "the log lost state: this node's replicas don't vote and will be replaced",
      );
      node.membership.take(tablesOf(outcome.document));
      done();
      return;
    }
    const origins = this.origins(outcome, recovered);
    let left = origins.length;
    this.recovering = true;
    const ready = (): void => {
      if (left > 0) return;
      this.recovering = false;
      const { tables } = node.membership;
      if (tables === null) node.membership.take(tablesOf(outcome.document));
      else this.tablesChanged(tables);
      node.engine.wakeEverything();
      done();
    };
    for (const origin of origins)
      this.recover(origin, () => {
        left--;
        ready();
      });
    if (origins.length === 0) ready();
  }

  private origins(
    outcome: BootstrapOutcome & { document: ClusterDocument },
    recovered: RecoveredLog,
  ): readonly ReplicaOrigin[] {
    if (outcome.kind === "started" && this.prepared)
      return documentReplicas(outcome.document, this.node.self).map(({ range, replica }) =>
        freshOrigin(range, replica, documentConfiguration(outcome.document, range)),
      );
    return recovered.replicas.filter((each) => each.mark === "created");
  }

  private noteGone(recovered: RecoveredReplica): void {
    if (recovered.mark === "created") return;
    this.gone.add(`${recovered.range}/${recovered.replica}`);
    if (recovered.mark === "fenced") this.reportFenced(recovered.range, recovered.replica);
  }

  private reportFenced(range: RangeId, replica: ReplicaId): void {
    if (this.fenced.some((each) => each.range === range && each.replica === replica)) return;
    this.fenced.push({ range, node: this.node.self, replica });
  }

  /** Brings up a replica from its log, and from its snapshot where the log begins after one. */
  private recover(origin: ReplicaOrigin, done: () => void): void {
    const { snapshots } = this.node.options;
    snapshots.latest(origin.range, origin.replica, (manifest) => {
      const last = origin.entries.at(-1)?.index ?? origin.snapshot.index;
      if ((manifest?.meta.index ?? 0) < origin.snapshot.index) {
        const replica = this.bringUp(origin);
        // There is no state that entries could be applied to, until a new replica takes its place.
        replica.restoring = true;
        this.fence(replica, "its snapshot is missing or damaged");
        done();
        return;
      }
      if (manifest === null) {
        this.bringUp(origin);
        done();
        return;
      }
      // A snapshot that was installed right before a crash reaches further than the log: the log begins anew there.
      const beyond = manifest.meta.index > last;
      const replica = this.bringUp(origin, beyond ? manifest.meta : null);
      if (beyond) this.node.engine.recorder.addSection(resetSection(replica, manifest.meta), () => {});
      this.node.snapshotter.restore(replica, manifest, () => {
        replica.snapshotIndex = manifest.meta.index;
        replica.snapshotInstalled(manifest.meta.index);
        replica.group.setSnapshot(manifest.meta);
        replica.group.applied(Math.min(manifest.meta.index, replica.group.status().commit));
        done();
      });
    });
  }

  private bringUp(recovered: ReplicaOrigin, snapshot: SnapshotMeta | null = null): Replica {
    const { node } = this;
    const known = withTermOfLog(recovered);
    const origin = snapshot === null ? known : beginningAt(known, snapshot);
    const replica = createReplica(
      {
        document: node.document!,
        hashKey: node.document!.hashKey,
        random: node.options.random,
        valueLimitBytes: node.options.valueLimitBytes,
        host: this.host,
        metaChanged: () => {
          const meta = node.engine.replicas.get(metaRangeId);
          if (meta !== undefined) node.membership.metaChanged(meta);
        },
      },
      origin,
      node.clock.nowMs,
    );
    node.engine.replicas.set(origin.range, replica);
    const route = node.leaders.routeOf(origin.range);
    if (route !== null) route.replica = replica;
    if (node.membership.tables !== null) this.locate(replica, node.membership.tables);
    node.admit(replica);
    if (this.recovering && this.lost !== null) this.fence(replica, this.lost);
    if (known !== recovered) this.fence(replica, "its log reaches into a term whose record is gone");
    return replica;
  }

  private locate(replica: Replica, tables: MetaTables): void {
    const group = groupsOf(tables).find((each) => each.id === replica.range);
    for (const each of group?.replicas ?? []) replica.nodeOf.set(each.replica, each.node);
  }

  // Lost state ---------------------------------------------------------------------------------------------------

  /** The replica lost what it had promised: it never votes again, and says so in its log. */
  fence(replica: Replica, reason: string): void {
    if (replica.fenced) return;
    replica.fenced = true;
    replica.group.setMayVote(false);
    this.node.options.telemetry.log.error(
      { range: replica.range, replica: replica.id, reason },
      "replica fenced",
    );
    this.markFenced(replica.range, replica.id);
  }

  private markFenced(range: RangeId, replica: ReplicaId): void {
    this.gone.add(`${range}/${replica}`);
    this.node.engine.recorder.addSection(markSection(range, replica, "fenced"), () =>
      this.reportFenced(range, replica),
    );
    this.node.engine.schedule();
  }

  /** A peer remembers records that this node's log doesn't have: the whole log can't be trusted to hold its promises. */
  lostRecords(sequence: number): void {
    const { recorder } = this.node.engine;
    const reason = `a peer remembers record ${sequence}, the log ends at ${recorder.durableSequence}`;
    recorder.skipTo(sequence);
    if (this.damage !== null || this.rejoining) return;
    for (const replica of this.node.engine.replicas.values()) this.fence(replica, reason);
    if (!this.begun) this.damage = reason;
    else if (this.recovering) this.lost = reason;
  }

  // Tables -------------------------------------------------------------------------------------------------------

  tablesChanged(tables: MetaTables): void {
    if (!this.begun || this.recovering) return;
    if (this.damage !== null ? !this.confirmed : this.rejoining && !this.peerTold) return;
    for (const group of groupsOf(tables)) {
      const live = this.node.engine.replicas.get(group.id);
      if (live !== undefined) this.locate(live, tables);
      const route = this.node.leaders.routeOf(group.id);
      if (route !== null && live !== undefined) route.replica = live;
      for (const each of group.replicas)
        if (each.node === this.node.self) this.assigned(group.id, each.replica, each.role === "learner");
      if (
        live !== undefined &&
        !group.replicas.some((each) => each.replica === live.id) &&
        live.id < tables.nextReplica
      )
        this.remove(live);
    }
    if (this.damage !== null && tables.members.some((member) => member.id === this.node.self)) {
      this.damage = null;
    }
  }

  /** Tables came from a peer: the first ones count for a node that came back empty, though they are no newer. */
  toldByPeer(): void {
    if (this.peerTold) return;
    this.peerTold = true;
    const { tables } = this.node.membership;
    if (tables !== null) this.tablesChanged(tables);
  }

  private assigned(range: RangeId, replica: ReplicaId, learner: boolean): void {
    const live = this.node.engine.replicas.get(range);
    if (live?.id === replica || this.gone.has(`${range}/${replica}`)) return;
    if (this.damage !== null || (!learner && !this.rejoining && live === undefined)) {
      this.markFenced(range, replica);
      return;
    }
    if (live !== undefined && live.id > replica) return;
    this.create(range, replica, live);
  }

  /** A new replica, told to this node by the tables: a learner that gets everything from its leader. */
  private create(range: RangeId, replica: ReplicaId, former: Replica | undefined): void {
    if (this.creating.has(range)) return;
    this.creating.add(range);
    const origin = freshOrigin(range, replica, emptyConfiguration());
    const { recorder } = this.node.engine;
    if (former !== undefined) this.remove(former);
    recorder.addSection(createdSection(origin), () => {
      this.creating.delete(range);
      this.bringUp(origin);
      this.node.options.telemetry.log.info({ range, replica }, "new replica");
    });
    this.node.engine.schedule();
  }

  private remove(replica: Replica): void {
    if (replica.removed) return;
    replica.removed = true;
    replica.abandon();
    this.gone.add(`${replica.range}/${replica.id}`);
    const { engine, options } = this.node;
    if (engine.replicas.get(replica.range) === replica) engine.replicas.delete(replica.range);
    const route = this.node.leaders.routeOf(replica.range);
    if (route?.replica === replica) {
      route.replica = null;
      if (route.leader === this.node.self) this.node.routing.lost(route, this.node.clock.nowMs);
    }
    engine.recorder.addSection(markSection(replica.range, replica.id, "removed"), () => {});
    engine.schedule();
    options.telemetry.log.info({ range: replica.range, replica: replica.id }, "replica removed");
  }

  configurationApplied(replica: Replica): void {
    const { configuration, term, vote, commit } = replica.group.status();
    this.node.engine.recorder.addSection(
      {
        range: replica.range,
        replica: replica.id,
        reset: null,
        hardState: { term, vote, commit },
        entries: [],
        configuration,
        mark: "none",
      },
      () => {},
    );
  }

  // Upkeep -------------------------------------------------------------------------------------------------------

  /** Limits and eviction policy by the tables, logs within bounds. */
  maintain(): void {
    const { engine, membership, snapshotter, options } = this.node;
    this.choosePolicy();
    if (this.damage !== null) this.confirmTables();
    else if (this.rejoining) this.rejoin();
    else this.announce();
    // One snapshot is taken at a time. Who pins the node's records goes first, then the largest log: a range that has to
    // wait gets its turn, however fast the others' logs grow.
    if (this.node.logBytes() > options.logLimitBytes * nodeLogFactor) {
      const holder = this.node.oldestHolder();
      const replica = holder === null ? undefined : engine.replicas.get(holder.range);
      if (replica !== undefined) snapshotter.take(replica);
    }
    let largest: Replica | null = null;
    let largestBytes = -1;
    for (const replica of engine.replicas.values()) {
      if (replica.restoring || replica.removed) continue;
      const status = replica.group.status();
      const machine = replica.machine.status();
      const range = membership.tables?.ranges.find((each) => each.id === replica.range);
      if (
        range !== undefined &&
        status.role === "leader" &&
        status.ownTermCommitted &&
        machine.limitBytes !== range.limitBytes
      )
        replica.proposeOwn((out, stampMs) => writeLimitEntry(out, stampMs, range.limitBytes));
      const policy = chosenPolicy(membership.tables);
      if (
        range !== undefined &&
        policy !== null &&
        status.role === "leader" &&
        status.ownTermCommitted &&
        replica.machine.evictionPolicy !== policy.name
      )
        replica.proposeOwn((out, stampMs) => writePolicyEntry(out, stampMs, policy.code));
      if (status.logBytes <= largestBytes || replica.applied === replica.snapshotIndex) continue;
      if (
        status.logBytes > Math.max(options.logLimitBytes, machine.chargedBytes * logShare) ||
        replica.group.needsSnapshot()
      ) {
        largest = replica;
        largestBytes = status.logBytes;
      }
    }
    if (largest !== null) snapshotter.take(largest);
  }

  /** The first policy of a cluster is the one that meta's leader was started with. */
  private choosePolicy(): void {
    const { membership, options } = this.node;
    const { evictionPolicy } = options;
    const { tables } = membership;
    if (evictionPolicy === undefined || evictionPolicy.order === null || tables === null) return;
    if (
      this.node.metaRoute.leader !== this.node.self ||
      tables.settings.some(([name]) => name === evictionSetting)
    )
      return;
    membership.propose({ kind: "set", setting: evictionSetting, value: evictionPolicy.name }, () => {});
  }

  /** An emptied node has meta take it in under its new identity. */
  private rejoin(): void {
    const { membership, options, self } = this.node;
    if (this.peerTold && membership.tables?.members.some((member) => member.id === self)) {
      this.rejoining = false;
      this.node.confirmStarted();
      return;
    }
    membership.propose({ kind: "rejoin-member", newId: self, member: this.claim() }, (reply) => {
      if (reply?.kind === "refused")
        options.telemetry.log.warn({ reason: reply.message }, "meta did not take this node in yet");
    });
  }

  /**
   * After a loss only tables confirmed by meta's leader count: an older table could miss a replica id that this node
   * had already been given, and the node would take that id up a second time (safety 35).
   */
  private confirmTables(): void {
    const { membership, self } = this.node;
    membership.confirmTables({ kind: "announce-member", id: self, member: this.claim() }, (tables) => {
      if (this.confirmed) return;
      this.confirmed = true;
      membership.take(tables);
      this.tablesChanged(membership.tables ?? tables);
    });
  }

  private claim(): MemberClaim {
    const { name, address, domain, ports, capacity, maxmemoryBytes } = this.node.options;
    return { name, address, domain, ports, capacity, maxmemoryBytes };
  }

  /** Tells meta where this node is now, and what it offers, when that differs from the tables. */
  private announce(): void {
    const { membership, self } = this.node;
    const known = membership.tables?.members.find((member) => member.id === self);
    if (known === undefined || known.state === "dead") return;
    const claim = this.claim();
    const { name, address, domain, ports, capacity, maxmemoryBytes } = known;
    if (JSON.stringify({ name, address, domain, ports, capacity, maxmemoryBytes }) === JSON.stringify(claim))
      return;
    membership.propose({ kind: "announce-member", id: self, member: claim }, () => {});
  }
}
