import { join } from "node:path";
import {
  type handleBidiStreamingCall,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation, protoPath as healthProtoPath } from "grpc-health-check";
import type { Service } from "../../node/service.js";
import type { Telemetry } from "../../ports/telemetry.js";
import { ClusterCalls } from "./cluster-calls.js";
import { type PipelineCall, PipelineStream } from "./pipeline.js";
import { TypedCalls } from "./typed-calls.js";

export interface GrpcServerOptions {
  readonly service: Service;
  readonly telemetry: Telemetry;
  /** host:port; port 0 takes a free one. */
  readonly listen: string;
  readonly definitions: GrpcDefinitions;
  /** Largest value: messages may be 1 MiB larger. */
  readonly valueLimitBytes: number;
  /** TLS; plain text without. */
  readonly credentials?: ServerCredentials;
}

/** What the server speaks. */
export interface GrpcDefinitions {
  readonly packages: PackageDefinition;
  readonly reflection: ReflectionService;
}

export interface GrpcServer {
  start(done: (error: Error | null) => void): void;
  /** host:port as bound; "" before that. */
  address(): string;
  /** Refuses new calls, lets running ones end for a second, then breaks them. */
  close(done: () => void): void;
}

const messageMarginBytes = 1024 * 1024;
const closeGraceMs = 1000;
const services = [
  "quorate.v1.CacheService",
  "quorate.v1.PipelineService",
  "quorate.v1.ClusterService",
] as const;

/** The gRPC edge: typed calls, pipelines, cluster calls, health and reflection. */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  const { service, telemetry } = options;
  const { packages, reflection } = options.definitions;
  const messageBytes = options.valueLimitBytes + messageMarginBytes;
  const server = new Server({
    "grpc.max_receive_message_length": messageBytes,
    "grpc.max_send_message_length": -1,
    // Nobody asks for its counts, and it costs each call a tenth of its CPU.
    "grpc.enable_channelz": 0,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
  });

  const pauseBytes = Math.max(4 * 1024 * 1024, messageBytes);
  const typed = new TypedCalls(service, telemetry, 4 * pauseBytes);
  const cluster = new ClusterCalls(service);
  const pipelines = new Set<PipelineStream>();
  const ended = (stream: PipelineStream): void => void pipelines.delete(stream);
  const pipeline = {
    Pipeline: (call: PipelineCall) =>
      pipelines.add(new PipelineStream(call, { service, telemetry, pauseBytes, ended })),
  } as unknown as UntypedServiceImplementation & { Pipeline: handleBidiStreamingCall<Buffer, Buffer> };

  server.addService(definitionOf(packages, services[0]), typed.implementation());
  server.addService(rawBytes(definitionOf(packages, services[1])), pipeline);
  server.addService(definitionOf(packages, services[2]), cluster.implementation());
  reflection.addToServer(server);
  const health = new HealthImplementation();
  health.addToServer(server);

  const reportHealth = (): void => {
    const status = service.ready() ? "SERVING" : "NOT_SERVING";
    for (const name of ["", ...services]) health.setStatus(name, status);
  };
  reportHealth();
  const stopWatching = service.watchTopology(reportHealth);
  let address = "";

  return {
    start(done) {
      server.bindAsync(
        options.listen,
        options.credentials ?? ServerCredentials.createInsecure(),
        (error, port) => {
          if (error !== null) return done(error);
          address = `${options.listen.slice(0, options.listen.lastIndexOf(":"))}:${port}`;
          done(null);
        },
      );
    },
    address: () => address,
    close(done) {
      stopWatching();
      for (const name of ["", ...services]) health.setStatus(name, "NOT_SERVING");
      cluster.close();
      for (const stream of pipelines) stream.finish();
      let isDone = false;
      const finish = (): void => {
        if (isDone) return;
        isDone = true;
        clearTimeout(force);
        typed.close();
        done();
      };
      // A connection whose other side never ends it is not waited for: Node.js's HTTP/2 would.
      const force = setTimeout(() => {
        server.forceShutdown();
        finish();
      }, closeGraceMs);
      server.tryShutdown(finish);
    },
  };
}

/**
 * Reads the folder that holds `quorate/v1/*.proto`. That takes a tenth of a second of CPU: too long for a node that leads.
 * Throws when a file is missing.
 */
export function loadDefinitions(protoFolder: string): GrpcDefinitions {
  const files = ["cache", "pipeline", "cluster", "errors"].map((name) =>
    join(protoFolder, "quorate", "v1", `${name}.proto`),
  );
  const packages = loadSync([...files, healthProtoPath], {
    includeDirs: [protoFolder],
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  return { packages, reflection: new ReflectionService(withFilesOnce(packages)) };
}

/** Each type names all files, and reflection decodes them anew for each: one type of each list of files says as much. */
function withFilesOnce(packages: PackageDefinition): PackageDefinition {
  const seen = new Set<unknown>();
  return Object.fromEntries(
    Object.entries(packages).filter(([, { fileDescriptorProtos: files }]) => {
      if (!Array.isArray(files) || seen.has(files)) return false;
      seen.add(files);
      return true;
    }),
  );
}

function definitionOf(packages: PackageDefinition, name: string): ServiceDefinition {
  const definition = packages[name];
  if (definition === undefined) throw new TypeError(`${name} is not defined`);
  return definition as ServiceDefinition;
}

/** The same calls with messages as they are on the wire. */
function rawBytes(definition: ServiceDefinition): ServiceDefinition {
  const same = (message: Buffer): Buffer => message;
  return Object.fromEntries(
    Object.entries(definition).map(([name, method]) => [
      name,
      {
        ...method,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    ]),
  );
}
