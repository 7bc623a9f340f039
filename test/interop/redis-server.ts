import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A reply of a RESP2 server; errors begin with "-". */
export type RespValue = string | bigint | null | RespValue[];

/** A real redis-server of its own on a unix socket, without persistence. Needs `redis-server` on the PATH. */
export class RedisServer {
  private pending: { resolve: (value: RespValue) => void; reject: (error: Error) => void }[] = [];
  private buffered = Buffer.alloc(0);

  private constructor(
    private readonly process: ChildProcess,
    private readonly socket: Socket,
    private readonly folder: string,
    /** The unix socket it listens on. */
    readonly path: string,
  ) {
    socket.on("data", (bytes: Buffer) => this.take(bytes));
    socket.on("close", () => {
      for (const waiting of this.pending) waiting.reject(new Error("redis-server closed the connection"));
    });
  }

  static async start(): Promise<RedisServer> {
    const folder = mkdtempSync(join(tmpdir(), "quorate-redis-"));
    const path = join(folder, "redis.sock");
    const args = ["--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", folder];
    const child = spawn("redis-server", args, { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await new Promise<void>((resolve, reject) => {
        let output = "";
        child.once("error", (error) =>
          reject(new Error(`redis-server is needed on the PATH: ${error.message}`)),
        );
        child.once("exit", (code) => reject(new Error(`redis-server ended with ${code}:\n${output}`)));
        child.stdout!.on("data", (text: Buffer) => {
          output += text.toString();
          if (output.includes("ready to accept connections")) resolve();
        });
      });
      const socket = connect(path);
      await new Promise<void>((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("error", reject);
      });
      return new RedisServer(child, socket, folder, path);
    } catch (error) {
      child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Sends commands in one write and waits for all replies. */
  async pipeline(commands: readonly (readonly string[])[]): Promise<RespValue[]> {
    const replies = commands.map(
      () => new Promise<RespValue>((resolve, reject) => this.pending.push({ resolve, reject })),
    );
    const words = (command: readonly string[]): string =>
      `*${command.length}\r\n${command.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`;
    this.socket.write(Buffer.from(commands.map(words).join(""), "latin1"));
    return Promise.all(replies);
  }

  async stop(): Promise<void> {
    this.socket.destroy();
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill("SIGTERM");
    await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }

  private take(bytes: Buffer): void {
    this.buffered = Buffer.concat([this.buffered, bytes]);
    for (;;) {
      const parsed = parse(this.buffered, 0);
      if (parsed === null) return;
      this.buffered = this.buffered.subarray(parsed.end);
      this.pending.shift()!.resolve(parsed.value);
    }
  }
}

function parse(bytes: Buffer, at: number): { value: RespValue; end: number } | null {
  const lineEnd = bytes.indexOf("\r\n", at);
  if (lineEnd < 0) return null;
  const line = bytes.toString("latin1", at + 1, lineEnd);
  let end = lineEnd + 2;
  switch (String.fromCharCode(bytes[at]!)) {
    case "+":
      return { value: line, end };
    case "-":
      return { value: `-${line}`, end };
    case ":":
      return { value: BigInt(line), end };
    case "$": {
      const length = Number(line);
      if (length < 0) return { value: null, end };
      if (bytes.length < end + length + 2) return null;
      return { value: bytes.toString("latin1", end, end + length), end: end + length + 2 };
    }
    case "*": {
      if (Number(line) < 0) return { value: null, end };
      const items: RespValue[] = [];
      for (let i = 0; i < Number(line); i++) {
        const item = parse(bytes, end);
        if (item === null) return null;
        items.push(item.value);
        end = item.end;
      }
      return { value: items, end };
    }
    default:
      throw new Error(`unexpected reply ${line}`);
  }
}
