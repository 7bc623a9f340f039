import type { ClusterFileNode } from "../server/cluster-file.js";
import { devHost } from "./dev-layout.js";

/** What a ready cluster says: one line to paste for each way in. */
export function greeting(nodes: readonly ClusterFileNode[], ranges: number): string {
  const { ports } = nodes[0]!;
  const grpc = `${devHost}:${ports.grpc}`;
  const rawCall =
    `const g = require("@grpc/grpc-js"), proto = require("@grpc/proto-loader").loadSync("quorate/v1/cache.proto", { includeDirs: ["proto"] }); ` +
    `new (g.loadPackageDefinition(proto).quorate.v1.CacheService)("${grpc}", g.credentials.createInsecure())` +
    `.get({ key: Buffer.from("greeting") }, (error, reply) => console.log(error ?? reply.value.toString()))`;
  const sdk =
    `import { Quorate } from "quorate/client"; const client = await Quorate.connect({ seeds: ["${grpc}"] }); ` +
    `console.log(await client.get("greeting")); client.close()`;
  return [
    `ready: ${nodes.length} nodes, ${ranges} ranges`,
    "",
    "Redis",
    `  redis-cli -p ${ports.resp} set greeting hello`,
    "HTTP",
    `  curl http://${devHost}:${ports.http}/cache/greeting`,
    "gRPC",
    `  node -e '${rawCall}'`,
    "SDK",
    `  node --input-type=module -e '${sdk}'`,
    "State",
    `  npx quorate status --addr ${grpc}`,
    "",
    "Ctrl-C stops it.",
    "",
  ].join("\n");
}
