import { fileURLToPath } from "node:url";
import { type Client, type ClientDuplexStream, credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { Quorate, type QuorateClient } from "../../src/client/client.js";
import { type FaultCluster, until } from "./cluster.js";
import { redisClient } from "./load.js";

/** What one command through one door came to. */
export interface Outcome {
  readonly door: string;
  readonly what: "read" | "write";
  readonly ms: number;
  /** null: it was answered. */
  readonly error: string | null;
}

type Unary = (
  request: object,
  options: { readonly deadline: number },
  done: (error: Error | null, response: { readonly value?: Buffer; readonly context?: object }) => void,
) => void;

interface PipelineReply {
  readonly batches: readonly {
    readonly replies: readonly { readonly error?: { readonly kind: string; readonly message: string } }[];
  }[];
}

type Stream = ClientDuplexStream<object, PipelineReply>;

const packages = loadSync(["quorate/v1/cache.proto", "quorate/v1/pipeline.proto"], {
  includeDirs: [fileURLToPath(new URL("../../proto/", import.meta.url))],
  longs: Number,
  enums: String,
});

type CacheClient = Client & Readonly<Record<string, Unary>>;
type PipelineClient = Client & { readonly Pipeline: () => Stream };

const { CacheService, PipelineService } = (
  loadPackageDefinition(packages) as unknown as {
    quorate: {
      v1: {
        CacheService: new (address: string, credentials: unknown) => CacheClient;
        PipelineService: new (address: string, credentials: unknown) => PipelineClient;
      };
    };
  }
).quorate.v1;

/** One command in a batch of its own, on a stream of its own. */
function pipelined(client: PipelineClient, name: string, ...args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = client.Pipeline();
    stream.on("error", reject);
    stream.on("data", ({ batches }: PipelineReply) => {
      const error = batches[0]?.replies[0]?.error;
      stream.end();
      if (error === undefined) resolve();
      else reject(new Error(`${error.kind}: ${error.message}`));
    });
    stream.write({ batches: [{ id: 1, commands: [{ name, args: args.map((arg) => Buffer.from(arg)) }] }] });
  });
}

/** The SDK tries again for as long as its caller is patient. */
const sdkPatienceMs = 700;

/** Every way into one node, opened while all is well. */
export class Doors {
  private constructor(
    private readonly http: string,
    private readonly redis: ReturnType<typeof redisClient>,
    private readonly grpc: CacheClient,
    private readonly pipeline: PipelineClient,
    private readonly sdk: QuorateClient,
  ) {}

  static async open(cluster: FaultCluster, n: number): Promise<Doors> {
    const doors = new Doors(
      `http://${cluster.address(n, "http")}`,
      redisClient(cluster.node(n).ports.resp),
      new CacheService(cluster.address(n, "grpc"), credentials.createInsecure()),
      new PipelineService(cluster.address(n, "grpc"), credentials.createInsecure()),
      await Quorate.connect({ seeds: [cluster.address(n, "grpc")] }),
    );
    await until("the Redis client is connected", () => doors.redis.status === "ready");
    return doors;
  }

  /** A linearizable read and a write of the key through each door. */
  async tryAll(key: string): Promise<readonly Outcome[]> {
    const bytes = Buffer.from(key);
    const unary = (method: string, request: object) => (): Promise<unknown> =>
      new Promise<void>((resolve, reject) => {
        this.grpc[method]!(request, { deadline: Date.now() + 10_000 }, (error) =>
          error === null ? resolve() : reject(error),
        );
      });
    return Promise.all([
      attempt("RESP", "read", () => this.redis.get(key)),
      attempt("RESP", "write", () => this.redis.set(key, "v")),
      attempt("HTTP", "read", () => this.fetch(key, {})),
      attempt("HTTP", "write", () =>
        this.fetch(key, { method: "PUT", body: JSON.stringify({ value: "v" }) }),
      ),
      attempt("gRPC", "read", unary("Get", { key: bytes })),
      attempt("gRPC", "write", unary("Set", { key: bytes, value: Buffer.from("v") })),
      attempt("Pipeline", "read", () => pipelined(this.pipeline, "GET", key)),
      attempt("Pipeline", "write", () => pipelined(this.pipeline, "SET", key, "v")),
      attempt("SDK", "read", () => this.sdk.get(key, { deadlineMs: sdkPatienceMs })),
      attempt("SDK", "write", () => this.sdk.set(key, "v", { deadlineMs: sdkPatienceMs })),
    ]);
  }

  private async fetch(key: string, options: RequestInit): Promise<void> {
    const response = await fetch(`${this.http}/cache/${encodeURIComponent(key)}`, options);
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${text}`);
  }

  async write(key: string): Promise<void> {
    await this.redis.set(key, "v");
  }

  /** The answer of an `any` read over HTTP. */
  anyHttp(key: string): Promise<Response> {
    return fetch(`${this.http}/cache/${encodeURIComponent(key)}?consistency=any`);
  }

  anyGrpc(key: string): Promise<{ readonly value?: Buffer; readonly context?: object }> {
    const request = { key: Buffer.from(key), context: { consistency: "CONSISTENCY_LEVEL_ANY" } };
    return new Promise((resolve, reject) => {
      this.grpc.Get!(request, { deadline: Date.now() + 5000 }, (error, response) =>
        error === null ? resolve(response) : reject(error),
      );
    });
  }

  anySdk(key: string): Promise<string | null> {
    return this.sdk.get(key, { consistency: "any" });
  }

  close(): void {
    this.redis.disconnect();
    this.grpc.close();
    this.pipeline.close();
    this.sdk.close();
  }
}

async function attempt(door: string, what: Outcome["what"], run: () => Promise<unknown>): Promise<Outcome> {
  const startMs = performance.now();
  try {
    await run();
    return { door, what, ms: performance.now() - startMs, error: null };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const words = error instanceof Quorate.Error ? `${error.kind} (${error.outcome}): ${message}` : message;
    return { door, what, ms: performance.now() - startMs, error: words };
  }
}
