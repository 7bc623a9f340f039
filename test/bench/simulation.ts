/**
 * How fast the simulator is: three nodes, four ranges, eight clients, without faults. Run with --cpu-prof to see what costs:
 * node --import ./test/bench/typescript-loader.mjs test/bench/simulation.ts. SECONDS= says how many simulated ones (60),
 * SEED= which draws (1). The hash is of all that happened: what only makes it faster leaves it as it is.
 * Seconds are those of the processor, so that a busy machine tells nearly the same.
 */
import type { Script } from "../simulation/script.js";
import { simulate } from "../simulation/simulate.js";
import { drawOperations } from "../simulation/swarm.js";

const durationMs = Number(process.env.SECONDS ?? 60) * 1000;
const seed = Number(process.env.SEED ?? 1);

const shape: Script["shape"] = {
  nodes: 3,
  ranges: 4,
  replicationFactor: 3,
  reads: "lease",
  durability: "fsync",
  maxmemoryBytes: 64 * 1024 * 1024,
  logLimitBytes: 1024 * 1024,
  livenessMs: 3000,
  maxDelayMs: 2,
  mostWriteMs: 2,
  clients: 8,
  outstanding: 1,
  keys: 6,
  durationMs,
  hosts: Array.from({ length: 3 }, () => ({ rate: 1, wallMs: 1_700_000_000_000 })),
};

const script: Script = { seed, shape, faults: [], operations: drawOperations(seed, shape) };
const before = process.cpuUsage();
const outcome = simulate(script);
const { user, system } = process.cpuUsage(before);
const seconds = (user + system) / 1e6;
if (outcome.violation !== null) throw new Error(outcome.violation);
console.log(
  `${outcome.operations} operations, ${outcome.events} events, hash ${outcome.hash.toString(16).padStart(8, "0")}`,
);
console.log(`bench: sim 3x4x8: ${(outcome.simulatedMs / 1000 / seconds).toFixed(0)} x real time per core`);
