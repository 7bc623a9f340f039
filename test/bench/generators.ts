import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { h2loadRate, redisBenchmarkRate } from "./figures.js";
import { host, run } from "./processes.js";

export const keyCount = 100_000;
const valueBytes = 100;
/** 16 bytes, as long as the keys of redis-benchmark. */
export const grpcKey = "bench:0000000001";

/** Operations per second of one run of `operations` in all. */
export type Generator = (operations: number) => Promise<number>;

export function redisBenchmark(port: number, test: "set" | "get", pipeline: number): Generator {
  return async (operations) => {
    const args = ["-h", host, "-p", `${port}`, "-t", test, "-c", "50", "-P", `${pipeline}`, "--csv"];
    const spreadKeys = ["-r", `${keyCount}`, "-d", `${valueBytes}`, "-n", `${operations}`];
    return redisBenchmarkRate(await run("redis-benchmark", [...args, ...spreadKeys]));
  };
}

/** One unary call again and again: h2load repeats one body, so one key. */
export function h2load(url: string, body: Uint8Array, inFlight: 64 | 1024): Generator {
  const folder = mkdtempSync(join(tmpdir(), "quorate-bench-body-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "body");
  writeFileSync(file, body);
  const [connections, streams] = inFlight === 64 ? [4, 16] : [16, 64];
  return async (operations) => {
    const shape = ["-n", `${operations}`, "-c", `${connections}`, "-m", `${streams}`, "-d", file];
    const headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"];
    return h2loadRate(await run("h2load", [...shape, ...headers, url]));
  };
}

export function quoratePut(address: string, inFlight: 64 | 1024): Generator {
  const url = `http://${address}/quorate.v1.CacheService/Set`;
  return h2load(url, grpcFrame([2, grpcKey], [3, "x".repeat(valueBytes)]), inFlight);
}

export function etcdPut(address: string, inFlight: 64 | 1024): Generator {
  return h2load(
    `${address}/etcdserverpb.KV/Put`,
    grpcFrame([1, grpcKey], [2, "x".repeat(valueBytes)]),
    inFlight,
  );
}

/** A gRPC message frame of protobuf bytes fields, each below 128 bytes. */
export function grpcFrame(...fields: readonly (readonly [number, string])[]): Uint8Array {
  const message = Buffer.concat(
    fields.map(([number, text]) =>
      Buffer.concat([Buffer.from([(number << 3) | 2, text.length]), Buffer.from(text, "latin1")]),
    ),
  );
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/** 1024 commands in flight: 16 batches of 64 on one stream. */
export function pipelinePut(address: string): Generator {
  const loader = fileURLToPath(new URL("typescript-loader.mjs", import.meta.url));
  const program = fileURLToPath(new URL("pipeline-load.ts", import.meta.url));
  return async (operations) => {
    const output = await run(process.execPath, ["--import", loader, program, address, `${operations}`]);
    const value = Number(output.trim());
    if (!(value > 0)) throw new Error(`pipeline-load: ${output.trim()}`);
    return value;
  };
}
