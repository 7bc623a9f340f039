import { below } from "../base/random.js";
import { formatNodeId, type NodeId } from "../base/units.js";
import { buildDocument, type ClusterDocument, type Member } from "../placement/document.js";
import { encodeDocument, parseDocument } from "../placement/document-codec.js";
import type { TimerHandle } from "../ports/clock.js";
import type { Identity } from "../ports/identity.js";
import { type AnsweringNode, answerCall } from "./bootstrap-answers.js";
import { documentFits, proposalProblem } from "./bootstrap-rules.js";
import type { BootstrapHandle, BootstrapOptions, BootstrapOutcome } from "./bootstrap-types.js";
import {
  type BootstrapCall,
  type BootstrapCaller,
  type BootstrapReply,
  decodeBootstrapCall,
  decodeBootstrapReply,
  encodeBootstrapCall,
  encodeBootstrapReply,
  isBootstrapCall,
} from "./bootstrap-wire.js";

const roundMs = 200;
const jitterMs = 100;
const callDeadlineMs = 1000;
const diskFullRetryMs = 1000;

/**
 * Brings a node into its cluster. Happens once: only when every node of `initial` answers and is empty, the lowest
 * address proposes one document; all persist it; the proposer persists that it started before anyone else may.
 * So a started node anywhere means that all held its document, and no second one can be started beside it.
 */
export function runBootstrap(
  options: BootstrapOptions,
  done: (outcome: BootstrapOutcome) => void,
): BootstrapHandle {
  const bootstrap = new Bootstrap(options, done);
  bootstrap.load();
  return bootstrap;
}

type Replies = Map<string, BootstrapReply | null>;

class Bootstrap implements BootstrapHandle, AnsweringNode {
  private readonly options: BootstrapOptions;
  private readonly done: (outcome: BootstrapOutcome) => void;
  readonly initial: readonly string[];
  readonly settings: BootstrapOptions["settings"];
  readonly log: BootstrapOptions["log"];
  private readonly names = new Map<string, string>();
  private nodeId: NodeId;
  held: ClusterDocument | null = null;
  state: AnsweringNode["state"] = "busy";
  /** Rounds are over. */
  decided = false;
  private waitingFor = "";
  private timer: TimerHandle | null = null;

  constructor(options: BootstrapOptions, done: (outcome: BootstrapOutcome) => void) {
    this.options = options;
    this.done = done;
    this.initial = [...new Set(options.initial)].sort();
    this.settings = options.settings;
    this.log = options.log;
    this.nodeId = options.self.nodeId;
  }

  stop(): void {
    this.decided = true;
    this.state = "ended";
    if (this.timer !== null) this.options.timers.cancel(this.timer);
    this.timer = null;
  }

  load(): void {
    this.options.identity.load((error, identity) => {
      if (this.state === "ended") return;
      if (error !== null) {
        this.end({ kind: "failed", message: `identity: ${error.message}` });
        return;
      }
      // The id is persisted before anybody hears of it: a proposal made with it stays valid over a crash.
      if (identity === null) {
        this.save(null, false, () => this.begin());
        return;
      }
      this.nodeId = identity.nodeId;
      this.resume(identity);
    });
  }

  private resume(identity: Identity): void {
    if (identity.document === null) {
      if (identity.started) this.end({ kind: "failed", message: "identity: started without a document" });
      else this.begin();
      return;
    }
    const parsed = parseDocument(identity.document);
    if (!parsed.ok) {
      this.end({ kind: "failed", message: `identity: ${parsed.error}` });
      return;
    }
    this.held = parsed.value;
    // A document without this node is no proposal: it is a started cluster's, which the node was about to rejoin.
    const member = parsed.value.members.some((each) => each.id === this.nodeId);
    if (!identity.started && member) {
      this.begin();
      return;
    }
    this.decided = true;
    this.started(parsed.value, identity.started);
  }

  private begin(): void {
    this.state = "empty";
    this.round();
  }

  get self(): Member {
    const { name, address, domain, ports, capacity, maxmemoryBytes } = this.options.self;
    return { id: this.nodeId, name, address, domain, ports, capacity, maxmemoryBytes };
  }

  private get caller(): BootstrapCaller {
    return { member: this.self, initial: this.initial, settings: this.settings };
  }

  // Rounds: ask everybody, then do the one thing that the answers allow.

  private round(): void {
    this.timer = null;
    const others = this.initial.filter((address) => address !== this.self.address);
    this.ask(others, { kind: "probe", caller: this.caller }, (replies) => this.onProbed(replies));
  }

  private next(): void {
    if (this.decided) return;
    const delayMs = roundMs + below(this.options.random, jitterMs);
    this.timer = this.options.timers.after(delayMs, () => this.round());
  }

  /** Calls back once, after all answered or failed, unless a decision was made meanwhile. */
  private ask(addresses: readonly string[], call: BootstrapCall, done: (replies: Replies) => void): void {
    const replies: Replies = new Map();
    if (addresses.length === 0) {
      done(replies);
      return;
    }
    const body = encodeBootstrapCall(call);
    for (const address of addresses) {
      this.options.transport.call(address, body, callDeadlineMs, (error, answer) => {
        const decoded = error === null && answer !== null ? decodeBootstrapReply(answer) : null;
        const reply = decoded?.ok === true ? decoded.value : null;
        replies.set(address, reply?.kind === "busy" ? null : reply);
        if (reply?.kind === "empty") this.noteName(address, reply.member.name);
        if (replies.size === addresses.length && !this.decided) done(replies);
      });
    }
  }

  /** What holds for answers to probes and proposals alike. True when all are empty and may go on. */
  private allEmpty(replies: Replies): boolean {
    for (const reply of replies.values()) {
      if (reply?.kind !== "started") continue;
      this.adopt(reply.document);
      return false;
    }
    for (const [address, reply] of replies) {
      if (reply?.kind === "refused") {
        this.end({ kind: "refused", message: `${this.describe(address)} refuses: ${reply.message}` });
        return false;
      }
      if (reply?.kind === "empty" && reply.member.address !== address) {
        const message = `the node at ${address} says that its peer address is ${reply.member.address}`;
        this.end({ kind: "refused", message });
        return false;
      }
    }
    const missing = [...replies].filter(([, reply]) => reply === null).map(([address]) => address);
    if (missing.length === 0) return true;
    this.waitFor(missing);
    this.next();
    return false;
  }

  private onProbed(replies: Replies): void {
    // A call from a peer is being persisted: look again afterwards.
    if (this.state !== "empty") {
      this.next();
      return;
    }
    if (!this.allEmpty(replies)) return;
    const { address } = this.self;
    if (!this.initial.includes(address)) {
      const message = `no cluster has started yet, and this node's address ${address} isn't among the initial ones`;
      this.end({ kind: "refused", message });
      return;
    }
    if (this.initial[0] === address) {
      this.propose(replies);
      return;
    }
    this.waitFor([this.initial[0]!], " to propose the cluster");
    this.next();
  }

  private propose(replies: Replies): void {
    const members = [this.self];
    for (const reply of replies.values()) if (reply?.kind === "empty") members.push(reply.member);
    const { settings } = this;
    // A proposal that still fits is used again, so that a crash in between doesn't make a second one.
    if (this.held !== null && documentFits(this.held, members, settings)) {
      this.spread(this.held, replies);
      return;
    }
    const other = this.held === null ? null : proposalProblem(this.held, this.self.address);
    if (other !== null) {
      this.end({ kind: "refused", message: other });
      return;
    }
    const built = buildDocument({ ...settings, ...this.freshIds(), members });
    if (!built.ok) {
      this.end({ kind: "refused", message: built.error });
      return;
    }
    this.hold(built.value, () => this.spread(built.value, replies));
  }

  private freshIds(): Pick<ClusterDocument, "clusterId" | "hashKey"> {
    const { random } = this.options;
    const word = (): string => random.u32().toString(16).padStart(8, "0");
    return {
      clusterId: word() + word(),
      hashKey: [random.u32(), random.u32(), random.u32(), random.u32()],
    };
  }

  /** Has everybody persist the document; when all have, begins. */
  private spread(document: ClusterDocument, replies: Replies): void {
    const { clusterId } = document;
    const without = [...replies.keys()].filter((address) => {
      const reply = replies.get(address);
      return reply?.kind !== "empty" || reply.clusterId !== clusterId;
    });
    if (without.length === 0) {
      this.startAll(document);
      return;
    }
    this.ask(without, { kind: "propose", caller: this.caller, document }, (answers) => {
      if (!this.allEmpty(answers)) return;
      const held = [...answers.values()].every(
        (reply) => reply?.kind === "empty" && reply.clusterId === clusterId,
      );
      if (held) this.startAll(document);
      else this.next();
    });
  }

  private startAll(document: ClusterDocument): void {
    this.start(document, () => {
      const body = encodeBootstrapCall({ kind: "start", clusterId: document.clusterId });
      for (const address of this.initial) {
        if (address === this.self.address) continue;
        // Whom this doesn't reach finds out by its own probes.
        this.options.transport.call(address, body, callDeadlineMs, () => {});
      }
    });
  }

  /** A started peer's document is the cluster's: there is no other. */
  private adopt(document: ClusterDocument): void {
    const { name, address } = this.self;
    const { members, clusterId } = document;
    if (members.some((member) => member.id === this.nodeId)) {
      this.start(document, () => {});
      return;
    }
    if (members.some((member) => member.name === name || member.address === address)) {
      this.decided = true;
      this.save(document, false, () => this.started(document, false));
      return;
    }
    const message = `cluster ${clusterId} has started, and no node of it is named ${name} or stands at ${address}`;
    this.end({ kind: "refused", message });
  }

  hold(document: ClusterDocument, then: () => void): void {
    this.save(document, false, () => {
      this.held = document;
      this.state = "empty";
      then();
    });
  }

  start(document: ClusterDocument, then: () => void): void {
    this.decided = true;
    this.state = "busy";
    const prepare = this.options.prepare ?? ((_document, _nodeId, ready) => ready());
    prepare(document, this.nodeId, () => {
      if (this.state === "ended") return;
      this.save(document, true, () => {
        this.started(document, true);
        then();
      });
    });
  }

  private started(document: ClusterDocument, confirmed: boolean): void {
    this.held = document;
    this.state = "started";
    const { nodeId } = this;
    const known = document.members.some((member) => member.id === nodeId);
    const fields = { clusterId: document.clusterId, node: formatNodeId(nodeId) };
    this.log.info(fields, known ? "the node is part of its cluster" : "the node comes back empty");
    this.done(
      known ? { kind: "started", nodeId, document } : { kind: "rejoin", nodeId, document, confirmed },
    );
  }

  private end(outcome: BootstrapOutcome): void {
    this.stop();
    this.done(outcome);
  }

  /** Busy until it is durable. A full disk is waited for; any other error ends the bootstrap. */
  private save(document: ClusterDocument | null, started: boolean, then: () => void): void {
    this.state = "busy";
    const identity: Identity = {
      nodeId: this.nodeId,
      clusterId: document?.clusterId ?? "",
      document: document === null ? null : encodeDocument(document),
      started,
    };
    this.options.identity.save(identity, (error) => {
      if (this.state === "ended") return;
      if (error === null) {
        then();
        return;
      }
      if (error.kind === "failed") {
        this.end({ kind: "failed", message: `identity: ${error.message}` });
        return;
      }
      this.log.warn({ error: error.message }, "the disk is full: the identity waits for space");
      this.options.timers.after(diskFullRetryMs, () => {
        if (this.state !== "ended") this.save(document, started, then);
      });
    });
  }

  noteName(address: string, name: string): void {
    this.names.set(address, name);
  }

  private describe(address: string): string {
    const known = this.held?.members.find((member) => member.address === address)?.name;
    const name = this.names.get(address) ?? known;
    return name === undefined ? address : `${name} at ${address}`;
  }

  /** Logged once per change. */
  private waitFor(addresses: readonly string[], what = ""): void {
    const text = addresses.map((address) => this.describe(address)).join(", ") + what;
    if (text === this.waitingFor) return;
    this.waitingFor = text;
    this.log.info({ addresses }, `waiting for ${text}`);
  }

  onCall(body: Uint8Array, reply: (body: Uint8Array) => void): boolean {
    if (!isBootstrapCall(body)) return false;
    const call = decodeBootstrapCall(body);
    const answer = (value: BootstrapReply): void => reply(encodeBootstrapReply(value));
    if (!call.ok) answer({ kind: "refused", message: call.error });
    else answerCall(this, call.value, answer);
    return true;
  }
}
