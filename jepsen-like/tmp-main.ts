import { chaosCommand } from "./chaos-command.js";
const [workload, nemesis, duration, nodes, seed] = process.argv.slice(2);
process.exitCode = await chaosCommand({ workload: workload!, nemesis: nemesis!, mix: 1, duration: Number(duration), seed: seed ? Number(seed) : undefined, nodes: Number(nodes ?? 3), out: undefined, main: undefined });
