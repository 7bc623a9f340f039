import { formatNodeId } from "../../base/units.js";
import type { NodeStatistics } from "../../node/service.js";
import type { LocalCall } from "./local-catalogue.js";
import type { RespContext } from "./resp-context.js";

type Fields = readonly (readonly [string, string | number])[];

interface Section {
  readonly title: string;
  fields(context: RespContext, statistics: NodeStatistics): Fields;
}

/** Redis's section names; `redis_version` says whose replies the door speaks. */
const sections: readonly Section[] = [
  { title: "Server", fields: server },
  { title: "Clients", fields: clients },
  { title: "Memory", fields: memory },
  { title: "Persistence", fields: persistence },
  { title: "Stats", fields: stats },
  { title: "Replication", fields: replication },
  { title: "CPU", fields: cpu },
  { title: "Cluster", fields: () => [["cluster_enabled", 0]] },
  { title: "Keyspace", fields: keyspace },
];

export function runInfo({ args, context, sink }: LocalCall): void {
  const asked = args.slice(1).map((name) => name.toLowerCase());
  const all =
    asked.length === 0 || asked.some((name) => name === "default" || name === "all" || name === "everything");
  const statistics = context.service.statistics();
  const text = sections
    .filter((section) => all || asked.includes(section.title.toLowerCase()))
    .map((section) => {
      const lines = section.fields(context, statistics).map(([name, value]) => `${name}:${value}\r\n`);
      return `# ${section.title}\r\n${lines.join("")}`;
    })
    .join("\r\n");
  sink.verbatim(text);
}

function server(context: RespContext, statistics: NodeStatistics): Fields {
  const uptimeSeconds = Math.floor(statistics.uptimeMs / 1000);
  return [
    ["redis_version", "7.0.15"],
    ["quorate_version", context.info.version],
    ["redis_mode", "standalone"],
    ["os", `${process.platform} ${process.arch}`],
    ["arch_bits", 64],
    ["process_id", process.pid],
    ["run_id", formatNodeId(context.info.nodeId).padStart(40, "0")],
    ["node_id", formatNodeId(context.info.nodeId)],
    ["cluster_id", context.service.topology().clusterId],
    ["tcp_port", context.port()],
    ["server_time_usec", Math.floor(context.service.estimateMs() * 1000)],
    ["uptime_in_seconds", uptimeSeconds],
    ["uptime_in_days", Math.floor(uptimeSeconds / 86400)],
  ];
}

function clients(context: RespContext): Fields {
  return [
    ["connected_clients", context.clients.size],
    ["cluster_connections", 0],
    ["maxclients", context.maxClients],
    ["blocked_clients", 0],
    ["client_query_buffer_bytes", context.budget.usedBytes],
  ];
}

function memory(context: RespContext, statistics: NodeStatistics): Fields {
  return [
    ["used_memory", statistics.chargedBytes],
    ["used_memory_human", human(statistics.chargedBytes)],
    ["used_memory_rss", process.memoryUsage.rss()],
    ["maxmemory", statistics.limitBytes],
    ["maxmemory_human", human(statistics.limitBytes)],
    ["maxmemory_policy", context.service.evictionPolicy],
  ];
}

/** What ready checks look at: a node that listens has its state. */
function persistence(): Fields {
  return [
    ["loading", 0],
    ["rdb_bgsave_in_progress", 0],
    ["aof_enabled", 1],
    ["aof_rewrite_in_progress", 0],
  ];
}

function stats(context: RespContext, statistics: NodeStatistics): Fields {
  return [
    ["total_connections_received", context.counters.connections],
    ["total_commands_processed", context.counters.commands],
    ["rejected_connections", context.counters.rejected],
    ["expired_keys", statistics.expired],
    ["evicted_keys", statistics.evicted],
    ["keyspace_hits", statistics.hits],
    ["keyspace_misses", statistics.misses],
    ["cluster_commands_processed", statistics.commands],
    ["ranges", statistics.ranges.length],
    ["ranges_led", statistics.rangesLed],
  ];
}

/** Any node serves any key, for reads and writes: a client must take each for a master. */
function replication(context: RespContext): Fields {
  return [
    ["role", "master"],
    ["connected_slaves", 0],
    ["members", context.service.topology().members.length],
  ];
}

function cpu(): Fields {
  const usage = process.cpuUsage();
  return [
    ["used_cpu_sys", (usage.system / 1e6).toFixed(6)],
    ["used_cpu_user", (usage.user / 1e6).toFixed(6)],
  ];
}

function keyspace(_context: RespContext, statistics: NodeStatistics): Fields {
  if (statistics.keys === 0) return [];
  return [["db0", `keys=${statistics.keys},expires=${statistics.keysWithDeadline},avg_ttl=0`]];
}

/** 1536 -> "1.50K". */
function human(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  let value = bytes;
  let unit = -1;
  const units = "KMGTP";
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(2)}${units[unit]}`;
}
