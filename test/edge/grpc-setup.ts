import { fileURLToPath } from "node:url";
import { type Client, credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { createGrpcServer, type GrpcServer, loadDefinitions } from "../../src/edge/grpc/grpc-server.js";
import { type FakeNode, silentTelemetry } from "./fake-cluster.js";

export const protoFolder = fileURLToPath(new URL("../../proto/", import.meta.url));

/** The .proto files as any other client sees them. */
export const packages = loadSync(
  ["cache", "pipeline", "cluster", "errors"].map((name) => `quorate/v1/${name}.proto`),
  {
    includeDirs: [protoFolder],
    longs: Number,
    enums: String,
    defaults: false,
    arrays: true,
    oneofs: false,
  },
);

export async function startServer(node: FakeNode, listen = "127.0.0.1:0"): Promise<GrpcServer> {
  const server = createGrpcServer({
    service: node,
    telemetry: silentTelemetry,
    listen,
    definitions: loadDefinitions(protoFolder),
    valueLimitBytes: 1024 * 1024,
  });
  await new Promise<void>((resolve, reject) =>
    server.start((error) => (error === null ? resolve() : reject(error))),
  );
  return server;
}

export function stopServer(server: GrpcServer): Promise<void> {
  return new Promise((resolve) => server.close(resolve));
}

type Message = Record<string, unknown>;
type Unary = (
  request: Message,
  options: { deadline?: number },
  done: (error: Error | null, response: Message) => void,
) => void;

/** Calls of one service as promises. */
export function unaryClient(address: string, service: string) {
  const tree = loadPackageDefinition(packages) as unknown as {
    quorate: {
      v1: Record<
        string,
        new (
          address: string,
          credentials: unknown,
          options: object,
        ) => Client & Record<string, Unary>
      >;
    };
  };
  const client = new tree.quorate.v1[service]!(address, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
  return {
    client,
    call(method: string, request: Message = {}, deadlineMs = 20_000): Promise<Message> {
      return new Promise((resolve, reject) => {
        (client[method] as Unary).call(
          client,
          request,
          { deadline: Date.now() + deadlineMs },
          (error, response) => (error === null ? resolve(response) : reject(error)),
        );
      });
    },
  };
}
