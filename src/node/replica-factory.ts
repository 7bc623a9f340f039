import type { HashKey } from "../base/keyed-hash.js";
import { limits } from "../base/limits.js";
import type { Random } from "../base/random.js";
import type { MonotonicMs, NodeId, RangeId, ReplicaId } from "../base/units.js";
import { metaRangeId } from "../base/units.js";
import { createMachine } from "../machine/key-range-machine.js";
import type { ClusterDocument } from "../placement/document.js";
import { MetaMachine } from "../placement/meta-machine.js";
import { createRaft } from "../raft/raft.js";
import type { RecordSection } from "../raft/record.js";
import type { Configuration, Entry, HardState, SnapshotMeta } from "../raft/types.js";
import { createStore } from "../store/map-store.js";
import { MetaReplicaMachine } from "./meta-replica.js";
import { Replica, type ReplicaHost } from "./replica.js";

export interface FactoryOptions {
  readonly document: ClusterDocument;
  readonly hashKey: HashKey;
  readonly random: Random;
  readonly valueLimitBytes: number;
  readonly host: ReplicaHost;
  readonly metaChanged: () => void;
}

/** What a replica starts from. */
export interface ReplicaOrigin {
  readonly range: RangeId;
  readonly replica: ReplicaId;
  readonly hardState: HardState;
  readonly snapshot: SnapshotMeta;
  readonly entries: readonly Entry[];
}

const noConfiguration: Configuration = { voters: [], outgoing: [], learners: [] };
const freshHardState: HardState = { term: 0, vote: 0, commit: 0 };

/** The document's replicas begin as voters of the first configuration. */
export function documentConfiguration(document: ClusterDocument, range: RangeId): Configuration {
  const group = range === metaRangeId ? document.meta : document.ranges.find((each) => each.id === range);
  const voters = (group?.replicas ?? []).map((each) => each.replica).sort((a, b) => a - b);
  return { ...noConfiguration, voters };
}

/** Replicas of the document on this node. */
export function documentReplicas(
  document: ClusterDocument,
  node: NodeId,
): readonly { readonly range: RangeId; readonly replica: ReplicaId }[] {
  const groups = [{ id: metaRangeId, replicas: document.meta.replicas }, ...document.ranges];
  return groups.flatMap((group) =>
    group.replicas
      .filter((each) => each.node === node)
      .map((each) => ({ range: group.id, replica: each.replica })),
  );
}

/** A replica that begins with nothing: of the first configuration, or a learner that will be told everything. */
export function freshOrigin(range: RangeId, replica: ReplicaId, configuration: Configuration): ReplicaOrigin {
  return {
    range,
    replica,
    hardState: freshHardState,
    snapshot: { index: 0, term: 0, configuration },
    entries: [],
  };
}

export function emptyConfiguration(): Configuration {
  return noConfiguration;
}

export function createdSection(origin: ReplicaOrigin): RecordSection {
  return {
    range: origin.range,
    replica: origin.replica,
    reset: null,
    hardState: origin.hardState,
    entries: [],
    configuration: origin.snapshot.configuration,
    mark: "created",
  };
}

export function markSection(range: RangeId, replica: ReplicaId, mark: "fenced" | "removed"): RecordSection {
  return { range, replica, reset: null, hardState: null, entries: [], configuration: null, mark };
}

/** Puts a replica together: Raft group, machine, store. */
export function createReplica(options: FactoryOptions, origin: ReplicaOrigin, nowMs: MonotonicMs): Replica {
  const { document } = options;
  const group = createRaft({
    range: origin.range,
    replica: origin.replica,
    random: options.random,
    electionMinMs: limits.electionMinMs,
    electionMaxMs: limits.electionMaxMs,
    heartbeatMs: limits.heartbeatMs,
    leaseShare: limits.leaseShare,
    maxInflightMessages: limits.inflightMessages,
    maxInflightBytes: limits.inflightBytes,
    maxAppendBytes: limits.entryBytes * 4,
    maxUncommittedBytes: limits.uncommittedNodeBytes,
    reads: document.reads,
    nowMs,
    recovered: { hardState: origin.hardState, snapshot: origin.snapshot, entries: origin.entries },
    mayVote: false,
  });
  if (origin.range === metaRangeId) {
    const machine = new MetaReplicaMachine(new MetaMachine(document), options.metaChanged);
    const counters = { hits: 0, misses: 0, expired: 0, evicted: 0 };
    return new Replica(origin.range, origin.replica, group, machine, counters, options.host);
  }
  const range = document.ranges.find((each) => each.id === origin.range);
  const store = createStore({
    hashKey: options.hashKey,
    limitBytes: range?.limitBytes ?? 0,
    valueLimitBytes: options.valueLimitBytes,
  });
  const machine = createMachine({ store, slots: range?.slots ?? [0, 0], hashKey: options.hashKey });
  return new Replica(origin.range, origin.replica, group, machine, store.counters, options.host);
}

/** A record holds entries together with their term, so a log of a later term has lost what it knew of it. */
export function withTermOfLog(origin: ReplicaOrigin): ReplicaOrigin {
  const { hardState, entries, snapshot } = origin;
  const term = entries.at(-1)?.term ?? snapshot.term;
  return term <= hardState.term ? origin : { ...origin, hardState: { ...hardState, term, vote: 0 } };
}

/** Its term was heard before it was written, and may be lost with what a log that isn't synced had of it. */
export function beginningAt(origin: ReplicaOrigin, snapshot: SnapshotMeta): ReplicaOrigin {
  const { hardState } = origin;
  const term = Math.max(hardState.term, snapshot.term);
  const vote = term === hardState.term ? hardState.vote : 0;
  return { ...origin, hardState: { ...hardState, term, vote }, snapshot, entries: [] };
}
