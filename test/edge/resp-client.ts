import { connect, type Socket } from "node:net";
import {
  createRespServer,
  type RespServer,
  type RespServerOptions,
} from "../../src/edge/resp/resp-server.js";
import { type CountedTelemetry, countingTelemetry, FakeService } from "./fake-service.js";

export interface RespDoor {
  readonly server: RespServer;
  readonly service: FakeService;
  readonly telemetry: CountedTelemetry;
  readonly port: number;
}

/** A RESP door on a free port before a fake service. */
export function openDoor(options: Partial<RespServerOptions> = {}): Promise<RespDoor> {
  const service = new FakeService();
  const telemetry = countingTelemetry();
  const server = createRespServer({
    service,
    telemetry,
    serverInfo: { version: "0.1.0", nodeId: 7 },
    ...options,
  });
  return new Promise((resolve, reject) => {
    server.listen("127.0.0.1", 0, (error) => {
      if (error !== null) reject(new Error(error));
      else resolve({ server, service, telemetry, port: server.address()!.port });
    });
  });
}

export function closeDoor(door: RespDoor): Promise<void> {
  return new Promise((resolve) => door.server.close(resolve));
}

/** A raw client: sends bytes, and waits for what comes back. */
export class RawClient {
  received = "";
  ended = false;
  private wake: () => void = () => {};

  private constructor(readonly socket: Socket) {
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.received += text;
      this.wake();
    });
    socket.on("end", () => {
      this.ended = true;
      this.wake();
    });
    socket.on("close", () => {
      this.ended = true;
      this.wake();
    });
    socket.on("error", () => {});
  }

  /** To a port of this machine, or to a unix socket. */
  static open(to: number | { readonly path: string }): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const address = typeof to === "number" ? { port: to, host: "127.0.0.1" } : to;
      const socket = connect({ ...address, noDelay: true, allowHalfOpen: true });
      const client = new RawClient(socket);
      socket.once("connect", () => resolve(client));
      socket.once("error", reject);
    });
  }

  send(text: string): void {
    this.socket.write(Buffer.from(text, "latin1"));
  }

  async until(met: () => boolean): Promise<void> {
    while (!met()) {
      if (this.ended) throw new Error(`connection ended after ${JSON.stringify(this.received.slice(-500))}`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Waits for exactly this much, and returns it. */
  async take(length: number): Promise<string> {
    await this.until(() => this.received.length >= length);
    const text = this.received.slice(0, length);
    this.received = this.received.slice(length);
    return text;
  }

  /** Everything up to the end of the connection. */
  async rest(): Promise<string> {
    while (!this.ended)
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    return this.received;
  }

  /** Sends, ends its side, and returns all that comes back. */
  async exchange(text: string): Promise<string> {
    this.send(text);
    this.socket.end();
    return this.rest();
  }

  close(): void {
    this.socket.destroy();
  }
}

/** One exchange on a connection of its own. */
export async function exchange(port: number, text: string): Promise<string> {
  const client = await RawClient.open(port);
  try {
    return await client.exchange(text);
  } finally {
    client.close();
  }
}

export function encode(...args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("")}`;
}
