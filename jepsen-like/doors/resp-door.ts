import { Redis } from "ioredis";
import { type Door, messageOf, type Outcome, ok, type Plain, type RunOptions, type Words } from "./door.js";

/** What Redis or Quorate answers when a command was not and will not be run. */
const definite =
  /^(ERR|WRONGTYPE|OOM|CLUSTERDOWN|TRYAGAIN|LOADING|READONLY|NOREPLICAS|SESSIONEXPIRED|NOAUTH|NOPERM|CROSSSLOT|MOVED|ASK|MASTERDOWN)\b/;
/** ioredis refused to send it. */
const unsent = /^Stream isn't writeable/;

/** An unmodified Redis client. It never sends a command twice by itself. */
export class RespDoor implements Door {
  readonly protocol = "resp";
  private readonly redis: Redis;

  constructor(
    readonly node: string,
    address: string,
    /** A Redis without Quorate's own commands. */
    private readonly plainRedis = false,
  ) {
    const [host, port] = address.split(":") as [string, string];
    this.redis = new Redis({
      host,
      port: Number(port),
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectTimeout: 1000,
      enableReadyCheck: false,
      retryStrategy: (tries) => Math.min(50 * tries, 500),
    });
    this.redis.on("error", () => {});
  }

  has(command: string): boolean {
    return !(this.plainRedis && command.startsWith("QUORATE."));
  }

  async run([name, ...args]: Words, options: RunOptions): Promise<Outcome> {
    const late = new AbortController();
    const timer = new Promise<Outcome>((resolve) => {
      const timeout = setTimeout(
        () => resolve({ type: "info", error: "no reply in time" }),
        options.deadlineMs,
      );
      late.signal.addEventListener("abort", () => clearTimeout(timeout));
    });
    const answer = this.redis.call(String(name), ...args.map(String)).then(
      (reply) => ok(reply as Plain),
      (error: unknown): Outcome => {
        const message = messageOf(error);
        return { type: definite.test(message) || unsent.test(message) ? "fail" : "info", error: message };
      },
    );
    const outcome = await Promise.race([answer, timer]);
    late.abort();
    return outcome;
  }

  close(): void {
    this.redis.disconnect();
  }
}
