import { Quorate, type QuorateClient } from "#quorate/client/client.js";
import type { PlainReply } from "#quorate/client/values.js";
import { type Door, messageOf, type Outcome, ok, type Plain, type RunOptions, type Words } from "./door.js";

/** The SDK: finds leaders itself, and retries in a session, so that a write takes effect once. */
export class SdkDoor implements Door {
  readonly protocol = "sdk";
  private client: QuorateClient | null = null;
  private connecting: Promise<QuorateClient> | null = null;
  private closed = false;

  /** `natMap`: proxied gRPC addresses by the announced ones. */
  constructor(
    readonly node: string,
    private readonly seeds: readonly string[],
    private readonly natMap: Readonly<Record<string, string>>,
  ) {}

  has(): boolean {
    return true;
  }

  async run([name, ...args]: Words, { deadlineMs, consistency }: RunOptions): Promise<Outcome> {
    let client: QuorateClient;
    try {
      client = await this.connect(deadlineMs);
    } catch (error) {
      return { type: "fail", error: messageOf(error) };
    }
    try {
      const options = consistency === undefined ? { deadlineMs } : { deadlineMs, consistency };
      return ok(plain(await client.commandWith(options, String(name), ...args)));
    } catch (error) {
      const words = messageOf(error);
      if (!(error instanceof Quorate.Error)) return { type: "info", error: words };
      return { type: error.outcome === "definite" ? "fail" : "info", error: `${error.kind}: ${words}` };
    }
  }

  private async connect(deadlineMs: number): Promise<QuorateClient> {
    if (this.client !== null) return this.client;
    this.connecting ??= Quorate.connect({
      seeds: this.seeds,
      natMap: this.natMap,
      connectDeadlineMs: deadlineMs,
    });
    try {
      this.client = await this.connecting;
    } finally {
      this.connecting = null;
    }
    if (this.closed) this.client.close();
    return this.client;
  }

  close(): void {
    this.closed = true;
    this.client?.close();
  }
}

function plain(reply: PlainReply): Plain {
  if (reply === null || typeof reply === "string" || typeof reply === "number") return reply;
  if (typeof reply === "bigint") return String(reply);
  if (Buffer.isBuffer(reply)) return reply.toString("utf8");
  if (Array.isArray(reply)) return reply.map(plain);
  return [...reply].flat().map(plain);
}
