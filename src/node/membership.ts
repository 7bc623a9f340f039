import { emptyBytes, utf8Bytes, utf8Text } from "../base/bytes.js";
import type { MonotonicMs, NodeId } from "../base/units.js";
import type { ReplySink } from "../commands/reply-sink.js";
import { nullSink } from "../commands/reply-sink.js";
import {
  decodeMetaCommand,
  encodeMetaCommand,
  type MetaCommand,
  type MetaReply,
  parseMetaReply,
} from "../placement/meta-command.js";
import { encodeTables, groupsOf, type MetaTables, parseTables } from "../placement/tables.js";
import { CommandStream, type FlushList } from "./command-stream.js";
import type { ControlCalls } from "./control-calls.js";
import { controlKinds } from "./control-calls.js";
import { MetaReplicaMachine } from "./meta-replica.js";
import type { Replica } from "./replica.js";
import type { ReplyTarget } from "./service.js";

const proposeDeadlineMs = 3000;

export interface MembershipHost extends FlushList {
  readonly self: NodeId;
  nowMs(): MonotonicMs;
  metaReplica(): Replica | null;
  metaLeader(): NodeId;
  peers(): Iterable<NodeId>;
  calls(): ControlCalls;
  isUp(peer: NodeId): boolean;
  /** Newer tables are in force. */
  tablesChanged(tables: MetaTables): void;
}

type Done = (reply: MetaReply | null) => void;

/** This node's view of meta: the newest tables, and a way to propose commands wherever meta's leader is. */
export class Membership implements ReplyTarget {
  tables: MetaTables | null = null;
  private readonly host: MembershipHost;
  private readonly stream: CommandStream;
  private readonly waiting = new Map<number, (bytes: Uint8Array | null) => void>();
  private nextToken = 1;
  private recorded: Uint8Array | null = null;
  private readonly sink: ReplySink;

  constructor(host: MembershipHost) {
    this.host = host;
    this.stream = new CommandStream("peer", this, false, host);
    this.sink = {
      ...nullSink,
      bulk: (bytes, offset, length) => {
        this.recorded = bytes.slice(offset, offset + length);
      },
    };
  }

  // Tables -------------------------------------------------------------------------------------------------------

  /** Takes newer tables, from the replica here or from a peer. */
  take(tables: MetaTables): void {
    if (this.tables !== null && tables.version <= this.tables.version) return;
    this.tables = tables;
    this.host.tablesChanged(tables);
  }

  /** Meta's replica here applied a change: whoever has no replica of meta follows by being told. */
  metaChanged(replica: Replica): void {
    if (!(replica.machine instanceof MetaReplicaMachine)) return;
    const tables = replica.machine.meta.tables();
    this.take(tables);
    for (const peer of this.host.peers()) this.tellTables(peer);
  }

  tellTables(peer: NodeId): void {
    if (this.tables === null) return;
    this.host.calls().tell(peer, controlKinds.tables, utf8Bytes(encodeTables(this.tables)));
  }

  onTables(body: Uint8Array): void {
    const tables = parseTables(utf8Text(body));
    if (tables.ok) this.take(tables.value);
  }

  /** Whether the tables give this node a replica of the group. */
  hosts(node: NodeId, range: number): boolean {
    const { tables } = this;
    if (tables === null) return false;
    return groupsOf(tables).some(
      (group) => group.id === range && group.replicas.some((each) => each.node === node),
    );
  }

  // Commands -----------------------------------------------------------------------------------------------------

  /** Proposes to meta, here or at its leader; null: no answer, it may have taken effect. Safe to repeat. */
  propose(command: MetaCommand, done: Done): void {
    const body = encodeMetaCommand(command);
    const parse = (bytes: Uint8Array | null): void => {
      const reply = bytes === null ? null : parseMetaReply(utf8Text(bytes));
      done(reply?.ok ? reply.value : null);
    };
    const leader = this.host.metaLeader();
    if (leader === this.host.self) this.proposeHere(body, parse);
    else if (leader === 0) done(null);
    else
      this.host
        .calls()
        .call(leader, controlKinds.propose, body, this.host.nowMs() + proposeDeadlineMs, (error, reply) =>
          parse(error === null ? reply.slice() : null),
        );
  }

  /** A peer asks this node, as meta's leader. */
  onPropose(body: Uint8Array, reply: (error: string | null, body: Uint8Array) => void): void {
    if (this.takesOver(body)) {
      reply("a member of that name is up with another identity", emptyBytes);
      return;
    }
    this.proposeHere(body, (bytes) =>
      bytes === null ? reply("this node doesn't lead meta", emptyBytes) : reply(null, bytes),
    );
  }

  /** Asks meta's leader for its tables after a command that it commits: nothing acknowledged earlier is missing. */
  confirmTables(command: MetaCommand, done: (tables: MetaTables) => void): void {
    const leader = this.host.metaLeader();
    if (leader === 0 || leader === this.host.self) return;
    const deadlineMs = this.host.nowMs() + proposeDeadlineMs;
    this.host
      .calls()
      .call(leader, controlKinds.confirmTables, encodeMetaCommand(command), deadlineMs, (error, reply) => {
        const tables = error === null ? parseTables(utf8Text(reply)) : null;
        if (tables?.ok) done(tables.value);
      });
  }

  onConfirmTables(body: Uint8Array, reply: (error: string | null, body: Uint8Array) => void): void {
    this.proposeHere(body, (bytes) => {
      if (bytes === null || this.tables === null) reply("this node doesn't lead meta", emptyBytes);
      else reply(null, utf8Bytes(encodeTables(this.tables)));
    });
  }

  /** A node that came back empty must not push out a member that is alive elsewhere. */
  private takesOver(body: Uint8Array): boolean {
    const command = decodeMetaCommand(body);
    if (!command.ok || command.value.kind !== "rejoin-member") return false;
    const { newId, member } = command.value;
    const former = this.tables?.members.find(
      (each) => each.state !== "dead" && each.id !== newId && each.name === member.name,
    );
    return former !== undefined && this.host.isUp(former.id);
  }

  private proposeHere(body: Uint8Array, done: (bytes: Uint8Array | null) => void): void {
    const replica = this.host.metaReplica();
    const token = this.nextToken++;
    this.waiting.set(token, done);
    if (replica?.leads && replica.submitRaw(this.stream, body, token, this.host.nowMs() + proposeDeadlineMs))
      return;
    this.waiting.delete(token);
    done(null);
  }

  reply(_token: number): ReplySink {
    this.recorded = null;
    return this.sink;
  }

  done(token: number): void {
    const waiting = this.waiting.get(token);
    this.waiting.delete(token);
    waiting?.(this.recorded);
  }

  flush(): void {}
}
