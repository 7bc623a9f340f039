import { limits } from "../../src/base/limits.js";
import { entryKinds } from "../../src/machine/entry-codec.js";
import type { SessionTable } from "../../src/machine/session-table.js";
import type { QuorateNode } from "../../src/node/node.js";
import type { Replica } from "../../src/node/replica.js";
import type { PeerProgress } from "../../src/raft/progress.js";
import { type Entry, entryTypes } from "../../src/raft/types.js";
import type { SimNode } from "./sim-cluster.js";
import { SimTransport } from "./sim-transport.js";

/** A record that is added when there is room for a short reply may be longer than what was left. */
const sessionSlackBytes = 256;
/** An entry is closed before a command of which the length alone may not fit any more. */
const entrySlackBytes = 16;
/** No workload's command is longer; alone in an entry it may be above the entry's bound. */
const longestCommandBytes = 8 * 1024;
/** What a node proposes on its own behalf (clock, limits, policies) isn't refused. */
const ownEntryBytes = 64;

/** Nothing that waits anywhere takes more bytes than its bound says (safety 48, 65, 66). */
export class QueueBounds {
  private readonly uncommitted = new WeakMap<QuorateNode, { bytes: number; led: string }>();

  constructor(private readonly fail: (what: string) => never) {}

  look({ at, node }: SimNode): void {
    this.lookAtLanes(at, node!);
    this.lookAtHeld(at, node!);
    this.lookAtUncommitted(at, node!);
    for (const replica of node!.engine.replicas.values()) if (replica.leads) this.lookAtInflights(replica);
  }

  private lookAtLanes(at: number, { options }: QuorateNode): void {
    if (!(options.transport instanceof SimTransport)) return;
    for (const { lane, queuedBytes, queuedFrames, limitBytes } of options.transport.queues())
      if (queuedBytes > limitBytes && queuedFrames > 1)
        this.fail(`node ${at}: ${queuedBytes} of ${limitBytes} bytes wait in a ${lane} lane (safety 65)`);
  }

  private lookAtHeld(at: number, { routing }: QuorateNode): void {
    for (const { id, held, refused, heldBytes } of routing.routes.values()) {
      let bytes = 0;
      for (const command of held) bytes += command.bytes.length;
      if (bytes > limits.heldBytes)
        this.fail(`node ${at}: ${bytes} bytes wait for a leader of range ${id} (safety 65)`);
      // Refused ones were on their way already; they have their place without asking for room.
      for (const command of refused) bytes += command.bytes.length;
      if (bytes > heldBytes)
        this.fail(`node ${at}: ${bytes} bytes wait for a leader of range ${id}, ${heldBytes} are counted`);
    }
  }

  /** Above the bound nothing is added but by what a node wins with a new leadership. */
  private lookAtUncommitted(at: number, node: QuorateNode): void {
    const { uncommittedBytes: bytes, replicas } = node.engine;
    const before = this.uncommitted.get(node);
    if (before?.bytes === bytes) return;
    let led = "";
    for (const { leads, leadTerm, range } of replicas.values()) if (leads) led += `${range}/${leadTerm} `;
    const entryBytes = Math.max(limits.entryBytes, longestCommandBytes) + ownEntryBytes;
    const allowedBytes = limits.uncommittedNodeBytes + entryBytes * replicas.size;
    if (before !== undefined && before.led === led && bytes > before.bytes && bytes > allowedBytes)
      this.fail(`node ${at} adds to ${before.bytes} uncommitted bytes until ${bytes} (safety 65, 66)`);
    this.uncommitted.set(node, { bytes, led });
  }

  /** To each follower so much is under way; one oversize message when nothing else is. */
  private lookAtInflights(replica: Replica): void {
    const { peers } = Reflect.get(replica.group, "state") as { peers: ReadonlyMap<number, PeerProgress> };
    for (const { inflights, replica: to } of peers.values()) {
      const { count, bytes } = inflights;
      if (count > limits.inflightMessages || (bytes > limits.inflightBytes && count > 1))
        this.fail(
          `range ${replica.range}: ${count} appends of ${bytes} bytes are on their way to ${to} (safety 65)`,
        );
    }
  }

  /** Looks at each reply that is recorded. */
  watchSessions(range: number, sessions: SessionTable): void {
    const { add } = sessions;
    sessions.add = (session, sequence, slot, reply) => {
      add.call(sessions, session, sequence, slot, reply);
      if (session.sequences > limits.sessionWindowCommands)
        this.fail(`range ${range}: session ${session.id} keeps ${session.sequences} replies (safety 65)`);
      if (session.replyBytes > limits.sessionReplyBytes + sessionSlackBytes)
        this.fail(`range ${range}: session ${session.id} keeps ${session.replyBytes} bytes (safety 65)`);
      if (sessions.chargedBytes > sessions.shareBytes)
        this.fail(
          `range ${range}: sessions take ${sessions.chargedBytes} of ${sessions.shareBytes} bytes (safety 65)`,
        );
    };
  }

  /** An entry above its bound holds one command, which alone is larger. */
  checkEntry({ type, data, index }: Entry): void {
    if (type !== entryTypes.command || data.length <= limits.entryBytes + entrySlackBytes) return;
    const [version, kind] = data;
    if (version !== 1 || kind !== entryKinds.commands) return;
    const count = new DataView(data.buffer, data.byteOffset).getUint32(10, true);
    if (count > 1) this.fail(`entry ${index} has ${count} commands in ${data.length} bytes (safety 65)`);
  }
}
