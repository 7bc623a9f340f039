import { connect, type Socket } from "node:net";

/** One reply as it stood on the wire: `text` are its bytes as latin1, `items` the parts of an array, set or map. */
export interface Frame {
  readonly text: string;
  readonly items: readonly Frame[] | null;
}

/** Where the frame at `at` ends; -1 when it is incomplete. */
function frameAt(text: string, at: number): { readonly frame: Frame; readonly end: number } | null {
  const lineEnd = text.indexOf("\r\n", at);
  if (lineEnd < 0) return null;
  const type = text[at]!;
  let end = lineEnd + 2;
  if ("+-:_,#(".includes(type)) return { frame: { text: text.slice(at, end), items: null }, end };
  const count = Number(text.slice(at + 1, lineEnd));
  if (type === "$" || type === "=") {
    if (count >= 0) end += count + 2;
    return end > text.length ? null : { frame: { text: text.slice(at, end), items: null }, end };
  }
  if (!"*~%>|".includes(type)) throw new Error(`unexpected reply ${JSON.stringify(text.slice(at, at + 80))}`);
  const items: Frame[] = [];
  for (let i = 0; i < count * (type === "%" ? 2 : 1); i++) {
    const part = frameAt(text, end);
    if (part === null) return null;
    items.push(part.frame);
    end = part.end;
  }
  return { frame: { text: text.slice(at, end), items: count < 0 ? null : items }, end };
}

/** A connection that sends commands in one write and takes their replies as frames, of RESP2 or RESP3. */
export class FrameClient {
  private received = "";
  private readonly chunks: string[] = [];
  private wanted = 0;
  private frames: Frame[] = [];
  private resolve: (frames: Frame[]) => void = () => {};
  private reject: (error: Error) => void = () => {};

  private constructor(private readonly socket: Socket) {
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.take(text));
    socket.on("error", (error) => this.reject(error));
    socket.on("close", () => this.reject(new Error("the connection was closed")));
  }

  static async open(to: number | string, resp3: boolean): Promise<FrameClient> {
    const socket = typeof to === "number" ? connect({ port: to, host: "127.0.0.1" }) : connect(to);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    const client = new FrameClient(socket);
    if (resp3) await client.exchange([["HELLO", "3"]]);
    return client;
  }

  exchange(commands: readonly (readonly string[])[]): Promise<Frame[]> {
    if (commands.length === 0) return Promise.resolve([]);
    this.wanted = commands.length;
    this.frames = [];
    const text = commands
      .map((words) => `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`)
      .join("");
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
      this.socket.write(Buffer.from(text, "latin1"));
    });
  }

  close(): void {
    this.socket.removeAllListeners("close");
    this.socket.destroy();
  }

  private take(text: string): void {
    this.chunks.push(text);
    if (!text.endsWith("\r\n")) return;
    this.received += this.chunks.splice(0).join("");
    let at = 0;
    try {
      for (;;) {
        if (at === this.received.length) break;
        const parsed = frameAt(this.received, at);
        if (parsed === null) break;
        at = parsed.end;
        this.frames.push(parsed.frame);
      }
    } catch (error) {
      this.reject(error as Error);
      return;
    }
    this.received = this.received.slice(at);
    if (this.frames.length >= this.wanted) this.resolve(this.frames);
  }
}
