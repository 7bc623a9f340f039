import type { LogStorage, StorageError } from "../ports/log-storage.js";
import type { RecordSection } from "../raft/record.js";
import type { Message } from "../raft/types.js";
import type { Replica } from "./replica.js";

/** What one record makes durable, and what waits for that. */
interface Batch {
  readonly sections: RecordSection[];
  readonly replicas: Replica[];
  readonly tokens: number[];
  readonly messages: Message[];
  readonly senders: Replica[];
  readonly done: (() => void)[];
}

function emptyBatch(): Batch {
  return { sections: [], replicas: [], tokens: [], messages: [], senders: [], done: [] };
}

export interface RecorderHost {
  /** These messages' promises are durable: they may go. */
  send(replica: Replica, message: Message): void;
  persisted(replica: Replica, token: number): void;
  /** Something became durable: run a turn. */
  wakeAll(): void;
  /** The disk is full: nothing is acknowledged until there is room. */
  diskFull(message: string): void;
  retryLater(retry: () => void): void;
  failed(message: string): void;
}

/**
 * Group commit: one durable record per turn holds what all ranges changed. One record is in flight; what arrives
 * meanwhile forms the next. Votes, vote requests and all replies wait here for the record that they depend on.
 */
export class Recorder {
  private readonly storage: LogStorage;
  private readonly host: RecorderHost;
  private queued = emptyBatch();
  private inFlight = false;
  private nextSequence: number;
  /** Sequence of the last durable record. */
  durableSequence: number;

  constructor(storage: LogStorage, lastSequence: number, host: RecorderHost) {
    this.storage = storage;
    this.host = host;
    this.durableSequence = lastSequence;
    this.nextSequence = lastSequence + 1;
  }

  /** A peer remembers a higher sequence than our log has: numbers go on above it. */
  skipTo(sequence: number): void {
    if (sequence >= this.nextSequence) this.nextSequence = sequence + 1;
  }

  /** Takes what a Ready wants durable, and what waits for it. `section` null: nothing to write. */
  add(replica: Replica, token: number, section: RecordSection | null, messages: readonly Message[]): void {
    if (section === null && replica.recordsInFlight === 0) {
      for (const message of messages) this.host.send(replica, message);
      this.host.persisted(replica, token);
      return;
    }
    const batch = this.queued;
    if (section !== null) batch.sections.push(section);
    batch.replicas.push(replica);
    batch.tokens.push(token);
    replica.recordsInFlight++;
    for (const message of messages) {
      batch.messages.push(message);
      batch.senders.push(replica);
    }
  }

  /** A section outside any Ready: a new replica, a mark. */
  addSection(section: RecordSection, done: () => void): void {
    this.queued.sections.push(section);
    this.queued.done.push(done);
  }

  flush(): void {
    if (this.inFlight || (this.queued.replicas.length === 0 && this.queued.sections.length === 0)) return;
    const batch = this.queued;
    this.queued = emptyBatch();
    this.inFlight = true;
    this.write(batch);
  }

  private write(batch: Batch): void {
    if (batch.sections.length === 0) {
      this.complete(batch);
      return;
    }
    const record = { sequence: this.nextSequence, sections: batch.sections };
    const attempt = (): void =>
      this.storage.append(record, (error) => this.written(batch, record.sequence, error, attempt));
    this.nextSequence++;
    attempt();
  }

  private written(batch: Batch, sequence: number, error: StorageError | null, retry: () => void): void {
    if (error === null) {
      this.durableSequence = sequence;
      this.complete(batch);
      // What waited for this record need not wait for the next turn.
      this.flush();
      this.host.wakeAll();
    } else if (error.kind === "disk-full") {
      this.host.diskFull(error.message);
      this.host.retryLater(retry);
    } else this.host.failed(error.message);
  }

  private complete(batch: Batch): void {
    this.inFlight = false;
    for (let i = 0; i < batch.replicas.length; i++) {
      const replica = batch.replicas[i]!;
      replica.recordsInFlight--;
      this.host.persisted(replica, batch.tokens[i]!);
    }
    for (let i = 0; i < batch.messages.length; i++) this.host.send(batch.senders[i]!, batch.messages[i]!);
    for (const done of batch.done) done();
  }
}
