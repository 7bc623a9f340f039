import type { ClusterDocument, ClusterSettings, Member } from "../placement/document.js";
import type { Logger } from "../ports/telemetry.js";
import { mismatch, proposalProblem } from "./bootstrap-rules.js";
import type { BootstrapCall, BootstrapReply } from "./bootstrap-wire.js";

/** A node as its peers ask it during the bootstrap. */
export interface AnsweringNode {
  /** "busy": the identity is being read or written. "ended": without an outcome that others could use. */
  readonly state: "busy" | "empty" | "started" | "ended";
  readonly self: Member;
  readonly initial: readonly string[];
  readonly settings: ClusterSettings;
  readonly log: Logger;
  /** The proposal that is persisted here, or the document of the started cluster. */
  readonly held: ClusterDocument | null;
  /** A decision to take a document was made already. */
  readonly decided: boolean;
  noteName(address: string, name: string): void;
  /** Persists a proposal, then calls back. */
  hold(document: ClusterDocument, then: () => void): void;
  /** Takes part in the cluster of `document`, then calls back. */
  start(document: ClusterDocument, then: () => void): void;
}

type Reply = (reply: BootstrapReply) => void;

/** Answers one call, exactly once. */
export function answerCall(node: AnsweringNode, call: BootstrapCall, reply: Reply): void {
  if (node.state === "started") reply(startedReply(node));
  else if (node.state !== "empty") reply({ kind: "busy" });
  else if (call.kind === "start") answerStart(node, call.clusterId, reply);
  else {
    const { member } = call.caller;
    const problem =
      member.address === node.self.address
        ? `both nodes have the peer address ${member.address}`
        : mismatch(node, call.caller);
    if (problem !== null) {
      node.log.warn({ caller: member.address }, `refused a node: ${problem}`);
      reply({ kind: "refused", message: problem });
      return;
    }
    node.noteName(member.address, member.name);
    if (call.kind === "probe") reply(emptyReply(node));
    else answerProposal(node, member.address, call.document, reply);
  }
}

function answerStart(node: AnsweringNode, clusterId: string, reply: Reply): void {
  // A late call may name a proposal that was replaced here: then it never started anywhere that counts.
  if (node.held?.clusterId !== clusterId || node.decided) reply(emptyReply(node));
  else node.start(node.held, () => reply(startedReply(node)));
}

function answerProposal(
  node: AnsweringNode,
  proposer: string,
  document: ClusterDocument,
  reply: Reply,
): void {
  if (proposer !== node.initial[0]) {
    reply({ kind: "refused", message: `only ${node.initial[0]} may propose the cluster` });
    return;
  }
  const other = node.held === null ? null : proposalProblem(node.held, proposer);
  if (other !== null) {
    reply({ kind: "refused", message: other });
    return;
  }
  const { id, address } = node.self;
  const listed = document.members.some((member) => member.id === id && member.address === address);
  // A proposal made for what this node was before its folder was emptied: the proposer learns the new id.
  if (!listed || node.decided || node.held?.clusterId === document.clusterId) reply(emptyReply(node));
  else node.hold(document, () => reply(emptyReply(node)));
}

function emptyReply(node: AnsweringNode): BootstrapReply {
  return { kind: "empty", member: node.self, clusterId: node.held?.clusterId ?? "" };
}

function startedReply(node: AnsweringNode): BootstrapReply {
  // Started nodes hold the document that they started with.
  return node.held === null
    ? { kind: "busy" }
    : { kind: "started", nodeId: node.self.id, document: node.held };
}
