import { connect, type Socket } from "node:net";
import { host } from "./processes.js";

/** A RESP2 client as small as can be: flat replies only, answered in order, the clock stops at the last byte. */
export class RespClient {
  private readonly waiting: ((error: Error | null, reply: string) => void)[] = [];
  private rest = "";

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.read(chunk.toString("latin1")));
    socket.on("error", () => {});
    socket.on("close", () => {
      for (const done of this.waiting.splice(0)) done(new Error("the connection was closed"), "");
    });
  }

  static connect(port: number): Promise<RespClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, host);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new RespClient(socket));
      });
    });
  }

  /** `done` gets an error for error replies too. */
  send(args: readonly string[], done: (error: Error | null, reply: string) => void): void {
    if (this.socket.destroyed) {
      done(new Error("the connection was closed"), "");
      return;
    }
    this.waiting.push(done);
    this.socket.write(encode(args), "latin1");
  }

  call(...args: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) =>
      this.send(args, (error, reply) => (error === null ? resolve(reply) : reject(error))),
    );
  }

  /** Writes all, in one piece, and waits for all replies. */
  async pipeline(commands: readonly (readonly string[])[]): Promise<void> {
    const replies = commands.map(
      () =>
        new Promise<string>((resolve, reject) =>
          this.waiting.push((error, reply) => (error === null ? resolve(reply) : reject(error))),
        ),
    );
    this.socket.write(commands.map(encode).join(""), "latin1");
    await Promise.all(replies);
  }

  close(): void {
    this.socket.destroy();
  }

  private read(text: string): void {
    this.rest += text;
    for (;;) {
      const lineEnd = this.rest.indexOf("\r\n");
      if (lineEnd < 0) return;
      const type = this.rest[0];
      const line = this.rest.slice(1, lineEnd);
      let end = lineEnd + 2;
      let reply = line;
      if (type === "$" && line !== "-1") {
        const length = Number(line);
        if (this.rest.length < end + length + 2) return;
        reply = this.rest.slice(end, end + length);
        end += length + 2;
      }
      this.rest = this.rest.slice(end);
      this.waiting.shift()?.(type === "-" ? new Error(line) : null, reply);
    }
  }
}

function encode(args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("")}`;
}
