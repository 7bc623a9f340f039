import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { logVerbosity, setLogVerbosity } from "@grpc/grpc-js";
import { commandByOpcode } from "../commands/table.js";
import {
  createGrpcServer,
  type GrpcDefinitions,
  type GrpcServer,
  loadDefinitions,
} from "../edge/grpc/grpc-server.js";
import { createHttpServer, type HttpServer } from "../edge/http/http-server.js";
import { createRespServer, type RespServer } from "../edge/resp/resp-server.js";
import { LocalService } from "../node/local-service.js";
import { QuorateNode } from "../node/node.js";
import { createClock } from "../runtime/clock.js";
import { readBootId } from "../runtime/machine.js";
import { createRandom, randomNodeId } from "../runtime/random.js";
import { createTimers } from "../runtime/timers.js";
import { createIdentityFile } from "../storage/identity-file.js";
import { createLevelLog } from "../storage/level-log.js";
import { createSnapshotFiles } from "../storage/snapshot-files.js";
import { noEviction, policyByName } from "../store/eviction/policies.js";
import { createLogger, type NodeLogger } from "../telemetry/logger.js";
import { createTelemetry, type NodeTelemetry } from "../telemetry/metrics.js";
import { createGrpcTransport } from "../transport/grpc-transport.js";
import { notePid } from "./cluster-file.js";
import type { ServeConfig } from "./config.js";
import { version } from "./version.js";

/** A running node with its doors open. */
export interface ServingNode {
  /** Hands leaderships over, closes the doors, then the log. */
  stop(done: () => void): void;
}

// grpc-js writes to standard error what it also reports, and what the log has in its own form.
if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE);

const doorPatienceMs = 3000;
const doorPollMs = 20;
const protoFolder = fileURLToPath(new URL("../../proto", import.meta.url));

/** What is listened on twice is said plainly; the rest as it came. */
function plainly(reason: string): string {
  const address = /EADDRINUSE: address already in use ([^\s\]]+)/.exec(reason)?.[1];
  return address === undefined ? reason : `${address} is in use by another process`;
}

/** Starts one node. Doors open once it takes part in its cluster. `ended` is called when it can't go on. */
export function serve(
  config: ServeConfig,
  started: (error: string | null, node: ServingNode | null) => void,
  ended: (message: string) => void,
): void {
  let log: NodeLogger;
  try {
    log = prepare(config);
  } catch (error) {
    started(error instanceof Error ? error.message : String(error), null);
    return;
  }
  const telemetry = createTelemetry({
    log,
    commandName: (opcode) => commandByOpcode(opcode)?.name.toLowerCase() ?? "other",
  });
  const advertise = config.advertise ?? config.host;
  const at = (port: number): string => `${advertise}:${port}`;
  const transport = createGrpcTransport({
    listen: `${config.host}:${config.peerPort}`,
    advertise: at(config.peerPort),
    natMap: new Map(config.natMap),
    log,
    telemetry,
  });
  const fail = (message: string): void => {
    log.error({ reason: message }, "the node stops");
    log.flush();
    ended(message);
  };
  const node = new QuorateNode({
    name: config.name,
    freshNodeId: randomNodeId(),
    address: at(config.peerPort),
    ports: {
      resp: at(config.respPort),
      grpc: at(config.grpcPort),
      peer: at(config.peerPort),
      http: at(config.httpPort),
    },
    domain: config.domain ?? config.name,
    capacity: config.capacity,
    maxmemoryBytes: config.maxmemory,
    evictionPolicy: policyByName(config.maxmemoryPolicy) ?? noEviction,
    valueLimitBytes: config.maxValue,
    logLimitBytes: config.logLimit,
    initial: config.initial,
    ranges: config.ranges,
    replicationFactor: config.replicas,
    durability: config.durability,
    reads: config.reads,
    clock: createClock(),
    timers: createTimers(),
    random: createRandom(),
    telemetry,
    identity: createIdentityFile({ folder: config.data }),
    openLog: (expectExisting, durability) =>
      createLevelLog({
        folder: join(config.data, "log-records"),
        durability,
        log,
        bootId: readBootId(),
        expectExisting,
      }),
    snapshots: createSnapshotFiles({ folder: join(config.data, "snapshots"), log }),
    transport,
    failed: fail,
  });
  log.info({ version }, "starting");
  // Now, as the node leads nothing yet: heartbeats must not wait for it.
  const definitions = loadDefinitions(protoFolder);
  const begun = (error: string | null, serving: ServingNode | null): void => {
    if (error === null) started(null, serving);
    else {
      log.error({ reason: plainly(error) }, "the node could not start");
      started(plainly(error), null);
    }
  };
  node.start((error) => {
    if (error !== null) begun(error, null);
    else
      whenReady(new LocalService(node), (service) =>
        openDoors(config, node, service, telemetry, log, definitions, begun),
      );
  });
}

/** Clients that find a door open find leaders behind it; without a majority it opens all the same, to say so. */
function whenReady(service: LocalService, open: (service: LocalService) => void): void {
  const untilMs = performance.now() + doorPatienceMs;
  const look = (): void => {
    if (service.ready() || performance.now() >= untilMs) open(service);
    else setTimeout(look, doorPollMs);
  };
  look();
}

/** Folders, log and pid; throws when the file system refuses. */
function prepare(config: ServeConfig): NodeLogger {
  for (const folder of [config.data, join(config.data, "snapshots")]) mkdirSync(folder, { recursive: true });
  if (config.clusterFile !== undefined && existsSync(config.clusterFile))
    notePid(config.clusterFile, config.name, process.pid);
  return createLogger({
    level: config.logLevel,
    name: config.name,
    ...(config.logFile === undefined ? {} : { file: config.logFile }),
  });
}

function openDoors(
  config: ServeConfig,
  node: QuorateNode,
  service: LocalService,
  telemetry: NodeTelemetry,
  log: NodeLogger,
  definitions: GrpcDefinitions,
  started: (error: string | null, node: ServingNode | null) => void,
): void {
  const resp: RespServer = createRespServer({
    service,
    telemetry,
    serverInfo: { version, nodeId: node.self },
    valueLimitBytes: config.maxValue,
  });
  const http: HttpServer = createHttpServer({
    service,
    telemetry,
    renderMetrics: async () => ({
      contentType: telemetry.contentType,
      body: await telemetry.render(() => service.statistics()),
    }),
    valueLimitBytes: config.maxValue,
  });
  const grpc: GrpcServer = createGrpcServer({
    service,
    telemetry,
    listen: `${config.host}:${config.grpcPort}`,
    definitions,
    valueLimitBytes: config.maxValue,
  });
  let left = 3;
  let failure: string | null = null;
  const opened = (what: string) => (error: Error | string | null) => {
    if (error !== null) failure ??= `${what}: ${typeof error === "string" ? error : error.message}`;
    if (--left > 0) return;
    if (failure !== null) {
      started(failure, null);
      return;
    }
    log.info({ resp: config.respPort, grpc: config.grpcPort, http: config.httpPort }, "doors are open");
    started(null, {
      stop(done) {
        node.stop(() => {
          let open = 3;
          const closed = (): void => {
            if (--open > 0) return;
            telemetry.close();
            log.info({}, "stopped");
            log.flush();
            done();
          };
          resp.close(closed);
          http.close(closed);
          grpc.close(closed);
        });
      },
    });
  };
  resp.listen(config.host, config.respPort, opened("resp"));
  http.listen(config.host, config.httpPort, opened("http"));
  grpc.start(opened("grpc"));
}
