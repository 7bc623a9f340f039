import { ByteWriter, utf8Bytes } from "../base/bytes.js";
import type { LogIndex, Term } from "../base/units.js";
import type { CommandView } from "../commands/command-codec.js";
import type { ReplySink } from "../commands/reply-sink.js";
import type { ApplyObserver, Machine, MachineStatus, SnapshotWalk } from "../machine/machine.js";
import { encodeMetaReply } from "../placement/meta-command.js";
import type { MetaMachine } from "../placement/meta-machine.js";

/** Lets meta's tables run in a replica like the keys of any range: one command an entry, no reads, no deadlines. */
export class MetaReplicaMachine implements Machine {
  readonly meta: MetaMachine;
  private readonly changed: () => void;
  private version: number;
  private readonly chunks = new ByteWriter(1024);

  constructor(meta: MetaMachine, changed: () => void) {
    this.meta = meta;
    this.changed = changed;
    this.version = meta.tables().version;
  }

  apply(index: LogIndex, term: Term, data: Uint8Array, observer: ApplyObserver): void {
    observer.before(0);
    const reply = utf8Bytes(encodeMetaReply(this.meta.apply(index, term, data)));
    observer.sink(0).bulk(reply, 0, reply.length);
    observer.after(0);
    observer.before(1);
    this.noticeChange();
  }

  skip(index: LogIndex, term: Term): void {
    this.meta.skip(index, term);
  }

  isDue(): boolean {
    return false;
  }

  read(_command: CommandView, _estimateMs: number, reply: ReplySink): void {
    reply.error("unsupported", "meta has no keys");
  }

  noteReads(): void {}
  readonly wantsTouches = false;
  readonly owesEvictions = false;
  readonly evictionPolicy = "noeviction";
  isTouchDue(): null {
    return null;
  }

  status(): MachineStatus {
    return {
      appliedIndex: this.meta.appliedIndex,
      appliedTerm: this.meta.appliedTerm,
      logTimeMs: 0,
      revision: this.meta.tables().version,
      keys: 0,
      keysWithDeadline: 0,
      chargedBytes: 0,
      limitBytes: 0,
      sessions: 0,
    };
  }

  nextDeadlineMs(): number {
    return 0;
  }

  digest(): string {
    return this.meta.digest();
  }

  openSnapshot(): SnapshotWalk {
    let bytes: Uint8Array | null = this.meta.snapshot();
    return {
      index: this.meta.appliedIndex,
      term: this.meta.appliedTerm,
      next: () => {
        const chunk = bytes;
        bytes = null;
        return chunk;
      },
      close: () => {},
    };
  }

  beginRestore(): void {
    this.chunks.clear();
  }
  restore(chunk: Uint8Array): void {
    this.chunks.raw(chunk);
  }
  endRestore(): void {
    this.meta.restore(this.chunks.take());
    this.noticeChange();
  }

  private noticeChange(): void {
    const { version } = this.meta.tables();
    if (version === this.version) return;
    this.version = version;
    this.changed();
  }
}
