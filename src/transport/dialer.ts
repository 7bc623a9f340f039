import { Client, type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import { probe } from "./probe.js";
import { channelOptions, decodeGreeting, type Greeting, identity, paths, type StreamKind } from "./wire.js";

export interface DialerEvents {
  /** Our own greeting, asked for anew for each stream. */
  greeting(): Buffer;
  /** The peer's greeting; a text refuses it. */
  accept(greeting: Greeting): string | null;
  established(): void;
  /** An established stream broke. Not called after `close()`. */
  broken(reason: string): void;
  /** @returns what is wrong with the message, or null. */
  message(message: Buffer): string | null;
  /** An attempt failed; for the log. */
  failed(reason: string): void;
}

const minBackoffMs = 50;
const maxBackoffMs = 1000;

/**
 * Keeps one incoming stream of frames from the peer at an address: dials, greets, watches, and dials again. Each
 * attempt has a channel of its own, so that nothing of a broken one lingers.
 */
export class Dialer {
  private client: Client | null = null;
  private call: ClientDuplexStream<Buffer, Buffer> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private stopProbe: (() => void) | null = null;
  private backoffMs = minBackoffMs;
  private idleTicks = 0;
  private closed = false;
  established = false;

  constructor(
    readonly address: string,
    private readonly kind: StreamKind,
    private readonly timeoutMs: number,
    private readonly events: DialerEvents,
  ) {}

  dial(): void {
    this.timer = null;
    if (this.closed) return;
    this.stopProbe = probe(this.address, this.timeoutMs, (error) => {
      this.stopProbe = null;
      if (error !== null) this.fail(error);
      else this.open();
    });
  }

  /**
   * Called at a steady pace; counting ticks instead of time, a process that was itself stopped blames nobody.
   * @returns for how many ticks nothing came, on an established stream.
   */
  tick(): number {
    return this.established ? this.idleTicks++ : 0;
  }

  /** Gives this stream up and dials again. */
  reset(reason: string): void {
    this.fail(reason);
  }

  close(): void {
    this.closed = true;
    this.established = false;
    this.hangUp();
  }

  private open(): void {
    const client = new Client(this.address, credentials.createInsecure(), channelOptions);
    const call = client.makeBidiStreamRequest(paths[this.kind], identity, identity);
    this.client = client;
    this.call = call;
    // A peer that is stopped accepts connections and never answers.
    this.timer = setTimeout(() => this.fail(`no greeting within ${this.timeoutMs} ms`), this.timeoutMs);
    const mine = (): boolean => this.call === call;
    call.on("data", (message: Buffer) => {
      if (mine()) this.onMessage(message);
    });
    call.on("error", (error) => {
      if (mine()) this.fail(error.message);
    });
    call.on("end", () => {
      if (mine()) this.fail("the peer ended the stream");
    });
    call.write(this.events.greeting());
  }

  private onMessage(message: Buffer): void {
    this.idleTicks = 0;
    if (this.established) {
      const wrong = this.events.message(message);
      if (wrong !== null) this.fail(wrong);
      return;
    }
    const greeting = decodeGreeting(message);
    const refusal = greeting === null ? "no greeting of a known version" : this.events.accept(greeting);
    if (refusal !== null) {
      this.backoffMs = maxBackoffMs;
      this.fail(refusal);
      return;
    }
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.backoffMs = minBackoffMs;
    this.established = true;
    this.call?.write(Buffer.from([1]));
    this.events.established();
  }

  private fail(reason: string): void {
    const wasEstablished = this.established;
    this.established = false;
    this.idleTicks = 0;
    this.hangUp();
    if (this.closed) return;
    const jitter = 0.5 + Math.random() / 2;
    this.timer = setTimeout(() => this.dial(), this.backoffMs * jitter);
    this.backoffMs = Math.min(maxBackoffMs, this.backoffMs * 2);
    if (wasEstablished) this.events.broken(reason);
    else this.events.failed(reason);
  }

  private hangUp(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.stopProbe?.();
    this.stopProbe = null;
    const call = this.call;
    this.call = null;
    call?.cancel();
    this.client?.close();
    this.client = null;
  }
}
