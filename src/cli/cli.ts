import { Command, InvalidArgumentError } from "commander";
import { flagOf, loadConfig, settingNames, variableOf } from "../server/config.js";
import { version } from "../server/version.js";
import { runChaos } from "./chaos.js";
import { runCheck } from "./check.js";
import { runDev } from "./dev.js";
import { runDocs } from "./docs.js";
import { runServe } from "./serve-command.js";
import { runStatus } from "./status.js";

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("must be a whole number");
  return value;
}

const descriptions: Readonly<Record<string, string>> = {
  name: "name of this node, unique in its cluster",
  data: "folder for the log, snapshots and identity",
  host: "address to listen on (default 127.0.0.1)",
  advertise: "name or address that others reach this node by (default: host)",
  respPort: "Redis clients",
  grpcPort: "gRPC clients and the SDK",
  peerPort: "the other nodes",
  httpPort: "HTTP/JSON, health and metrics",
  initial: "peer addresses of all first nodes, host:port, comma-separated",
  natMap: "announced=reached pairs: where to dial peers behind NAT or a proxy, comma-separated",
  ranges: "key ranges, fixed when the cluster starts (default 16)",
  replicas: "replicas of each range (default 3)",
  durability: "fsync or buffered, fixed when the cluster starts (default fsync)",
  reads: "lease or quorum (default lease)",
  maxmemory: "limit of charged bytes on this node, such as 1gb (default: half the machine)",
  maxmemoryPolicy: "the cluster's eviction policy until CONFIG SET changes it (default noeviction)",
  maxValue: "largest value (default 16mb)",
  logLimit: "log of a range before it is compacted (default 16mb)",
  domain: "failure domain (default: the name)",
  capacity: "relative weight for placement (default 1)",
  logLevel: "debug, info, warn, error or silent",
  logFile: "log file instead of standard output",
  clusterFile: "cluster.json in which to note this process's pid",
};

/** The command line. */
export async function runCli(argv: readonly string[]): Promise<void> {
  const program = new Command("quorate")
    .description("A strongly consistent cache cluster.")
    .version(version)
    .showHelpAfterError("--help lists what there is")
    // Wrong usage is 2 everywhere, as for wrong settings; 1 is left for what went wrong.
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));

  const serve = program
    .command("serve")
    .description("Run one node. Settings come from flags, then QUORATE_* variables, then the file.")
    .option("--config <file>", "YAML file with settings");
  for (const name of settingNames)
    serve.option(`${flagOf(name)} <value>`, `${descriptions[name] ?? name} [${variableOf(name)}]`);
  serve.action((options: Record<string, string>) => {
    const config = loadConfig(options.config ?? null, process.env, options);
    if (!config.ok) {
      process.stderr.write(`quorate serve: ${config.error}\n`);
      process.exitCode = 2;
      return;
    }
    runServe(config.value);
  });

  program
    .command("dev")
    .description("Run a local cluster in the foreground, ready to use.")
    .option("--data <folder>", "data folder", ".quorate")
    .option("--nodes <count>", "nodes (default: as the data folder has it, else 3)", whole)
    .option("--ranges <count>", "key ranges (default: as the data folder has it, else 16)", whole)
    .option(
      "--base-port <port>",
      "node i listens on base+i (Redis), +100+i (gRPC), +200+i (peers), +300+i (HTTP) (default: as the data folder has it, else 7000)",
      whole,
    )
    .option("--durability <mode>", "fsync or buffered (default: as the data folder has it, else fsync)")
    .option("--maxmemory <size>", "limit of charged bytes per node")
    .option("--maxmemory-policy <name>", "eviction policy that the cluster begins with")
    .option("--log-limit <size>", "log of a range before it is compacted")
    .action(runDev);

  program
    .command("status")
    .description("Show members, ranges, leaders and replicas.")
    .option("--addr <host:port>", "gRPC port of any node", "127.0.0.1:7101")
    .option("--json", "as JSON")
    .option("--digest", "compare all replicas of each range at one index; exits 1 on a difference")
    .action(runStatus);

  program
    .command("chaos")
    .description(
      "Load and harm a cluster, and judge what its clients saw: 0 valid, 1 invalid, 2 unknown. It is a local one, started for it, unless --against names another.",
    )
    .option("--workload <name>", "what the clients do", "register")
    .option("--nemesis <list>", "faults or groups of them, comma-separated (default: kill)")
    .option("--mix <count>", "faults that may be under way together", whole, 1)
    .option("--duration <seconds>", "how long", whole, 60)
    .option("--seed <number>", "of all that is chosen at random (default: any)", whole)
    .option("--nodes <count>", "nodes", whole, 3)
    .option("--out <folder>", "for history, logs and report (default: .chaos/<workload>-<seed>)")
    .option("--main <file>", "main.js of another build to run")
    .option(
      "--against <host:port,...>",
      "gRPC addresses of a running cluster to load instead; keys are deleted after it",
    )
    .option(
      "--fault-command <command>",
      "with --against: `<command> start` harms that cluster, `<command> heal` undoes it",
    )
    .option(
      "--nat-map <announced=reached,...>",
      "with --against: where addresses that its nodes announce are reached",
    )
    .option("--protocols <list>", "with --against: some of resp, grpc, sdk, http (default: all)")
    .action(runChaos);

  program
    .command("check <file>")
    .description("Judge a history of operations (JSON lines): 0 valid, 1 invalid, 2 unknown or unreadable.")
    .requiredOption("--model <name>", "what the operations were on, such as register")
    .option("--json", "as JSON")
    .action(runCheck);

  program
    .command("docs")
    .description("Write the generated documents again.")
    .option("--check", "only say whether they are current; exits 1 when not")
    .action(runDocs);

  await program.parseAsync([...argv]);
}
