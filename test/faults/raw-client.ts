import { connect, type Socket } from "node:net";

/** A socket that sends bytes and collects what comes back. */
export class RawClient {
  received = "";
  closed = false;
  private wake: () => void = () => {};

  private constructor(readonly socket: Socket) {
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.received += text;
      this.wake();
    });
    for (const event of ["end", "close"])
      socket.on(event, () => {
        this.closed = true;
        this.wake();
      });
    socket.on("error", () => {});
  }

  static open(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
      socket.once("connect", () => resolve(new RawClient(socket)));
      socket.once("error", reject);
    });
  }

  send(bytes: string | Uint8Array): void {
    if (this.socket.writable)
      this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  /** Waits until `met`, the end of the connection, or the end of patience; says whether `met`. */
  async until(met: () => boolean, patienceMs = 10_000): Promise<boolean> {
    const end = Date.now() + patienceMs;
    while (!met() && !this.closed && Date.now() < end)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(1, end - Date.now()));
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    return met();
  }

  close(): void {
    this.socket.destroy();
  }
}

export function command(...args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join("")}`;
}

/** Complete replies at the start of `text`: simple strings, errors, integers, bulk strings and nil only. */
export function flatReplies(text: string): readonly string[] {
  const replies: string[] = [];
  let at = 0;
  for (;;) {
    const end = text.indexOf("\r\n", at);
    if (end < 0) return replies;
    const line = text.slice(at, end);
    if (!line.startsWith("$") || line === "$-1") {
      replies.push(line);
      at = end + 2;
      continue;
    }
    const length = Number(line.slice(1));
    if (text.length < end + 2 + length + 2) return replies;
    replies.push(text.slice(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
}
