import { expect } from "vitest";
import { utf8Bytes, utf8Text } from "../../src/base/bytes.js";
import {
  type Entry,
  entryTypes,
  type Message,
  type MessageType,
  messageTypes,
} from "../../src/raft/types.js";
import { type Cluster, startVoters } from "./cluster.js";
import type { ClusterOptions } from "./replica.js";

/** What the suites through the Raft paper share. The paper (Ongaro, Ousterhout: In Search of an Understandable Consensus Algorithm), section by section. */

export const nothing: Message = {
  type: messageTypes.append,
  range: 1,
  from: 2,
  to: 1,
  term: 1,
  index: 0,
  logTerm: 0,
  commit: 0,
  match: 0,
  reject: false,
  force: false,
  hintIndex: 0,
  hintTerm: 0,
  round: 0,
  entries: [],
  snapshot: null,
  context: new Uint8Array(0),
};

/** A log whose entries have these terms, from index 1. */
export function logOf(terms: readonly number[]): Entry[] {
  return terms.map((term, i) => ({
    term,
    index: i + 1,
    type: entryTypes.command,
    data: utf8Bytes(`${i + 1}/${term}`),
  }));
}

/** A cluster of voters whose replicas start from the given disks. */
export function startLogs(logs: readonly (readonly number[])[], options: ClusterOptions = {}): Cluster {
  const cluster = startVoters(logs.length, options);
  // All have heard of the latest term that left entries anywhere.
  const term = Math.max(...logs.flat());
  logs.forEach((terms, i) => {
    const { disk } = cluster.replica(i + 1);
    disk.entries = logOf(terms);
    disk.hardState = { term, vote: 0, commit: 0 };
    cluster.crash(i + 1);
    cluster.start(i + 1);
  });
  cluster.inFlight = [];
  // Restarted voters first wait for what they may have promised.
  cluster.nowMs += 900;
  return cluster;
}

export function sent(cluster: Cluster, type: MessageType): readonly Message[] {
  return cluster.inFlight.filter((message) => message.type === type);
}

export function campaign(cluster: Cluster, id: number): void {
  cluster.on(id, (group) => group.campaign(cluster.nowMs));
}

/** Elects `id`, whatever it takes. */
export function elect(cluster: Cluster, id: number): void {
  for (let i = 0; i < 5 && cluster.leader() !== id; i++) {
    campaign(cluster, id);
    cluster.deliverAll();
  }
  expect(cluster.leader()).toBe(id);
}

export function propose(cluster: Cluster, id: number, text: string): void {
  expect(cluster.on(id, (group) => group.propose(utf8Bytes(text))).ok).toBe(true);
}

export function applied(cluster: Cluster, id: number): string[] {
  return cluster
    .replica(id)
    .machine.filter((entry) => entry.type === entryTypes.command)
    .map((entry) => utf8Text(entry.data));
}

export const terms = (cluster: Cluster, id: number): number[] => cluster.log(id).map((entry) => entry.term);
