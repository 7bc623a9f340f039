import type { Script, Shape } from "./script.js";
import { simulate } from "./simulate.js";
import { drawOperations } from "./swarm.js";

/** What the figure is stated for: no faults, and clients that ask some 40 times a second in all. */
const shape: Shape = {
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
  durationMs: 60_000,
  hosts: Array.from({ length: 3 }, () => ({ rate: 1, wallMs: 1_700_000_000_000 })),
};

/** How many simulated seconds a second of CPU gives, once the code is compiled. */
export function measureSpeed(rounds: number): string {
  run(0);
  const before = process.cpuUsage();
  let simulatedMs = 0;
  let events = 0;
  let operations = 0;
  for (let seed = 1; seed <= rounds; seed++) {
    const outcome = run(seed);
    simulatedMs += outcome.simulatedMs;
    events += outcome.events;
    operations += outcome.operations;
  }
  const { user, system } = process.cpuUsage(before);
  const perSecond = (count: number): string => (count / (simulatedMs / 1000)).toFixed(0);
  return (
    `bench: simulated seconds a CPU second (3 nodes, 4 ranges, 8 clients): ${((simulatedMs * 1000) / (user + system)).toFixed(0)} ` +
    `(${perSecond(events)} events, ${perSecond(operations)} operations a simulated second)`
  );
}

function run(seed: number): ReturnType<typeof simulate> {
  const script: Script = { seed, shape, faults: [], operations: drawOperations(seed, shape) };
  const outcome = simulate(script);
  if (outcome.violation !== null) throw new Error(outcome.violation);
  return outcome;
}
