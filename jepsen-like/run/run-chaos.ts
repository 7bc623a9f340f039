import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom } from "#quorate/base/random.js";
import { DirectFabric, type Fabric } from "../cluster/fabric.js";
import { NetnsFabric } from "../cluster/netns-fabric.js";
import { builtMain, QuorateCluster } from "../cluster/quorate-cluster.js";
import { SmallDisks } from "../cluster/small-disks.js";
import { ToxiproxyFabric } from "../cluster/toxiproxy-fabric.js";
import type { Door, Protocol } from "../doors/door.js";
import type { Fault, Ground } from "../nemesis/fault.js";
import { requireStrace } from "../nemesis/syncs.js";
import { between } from "./draw.js";
import { allProtocols, openDoors, placesIn } from "./open-doors.js";
import { defaultWorkers, type RunOptions, type RunResult, runOn } from "./run-on.js";

export interface ChaosOptions extends RunOptions {
  /** What `nemesis` means. */
  readonly faults: readonly Fault[];
  readonly nodes: number;
  readonly main?: string;
  readonly protocols?: readonly Protocol[];
  readonly settings?: Readonly<Record<string, unknown>>;
}

const ranges = 4;
const holdMs = [500, 8000] as const;

/** Starts a cluster of its own, and runs on it. */
export async function runChaos(options: ChaosOptions): Promise<RunResult> {
  const { out, seed, say = () => {} } = options;
  mkdirSync(out, { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), "quorate-chaos-"));
  let fabric: Fabric | null = null;
  let disks: SmallDisks | null = null;
  let cluster: QuorateCluster | null = null;
  let doors: readonly Door[] = [];
  try {
    if (options.faults.some(({ strace }) => strace === true)) requireStrace();
    fabric = await weave(options);
    if (options.faults.some(({ smallDisks }) => smallDisks === true))
      disks = new SmallDisks(scratch, options.nodes);
    const dataFolder = (n: number): string => disks?.folder(n) ?? join(scratch, `node-${n + 1}`);
    say(`starting ${options.nodes} nodes (${fabric.kind})`);
    const main = options.main ?? builtMain;
    cluster = await QuorateCluster.start({
      folder: join(out, "nodes"),
      fabric,
      ranges,
      durability: "fsync",
      logLimit: "128kb",
      main,
      dataFolder,
      settings: { ...options.workload.settings, ...options.settings },
    });
    doors = await openDoors(
      placesIn(fabric),
      options.workers ?? defaultWorkers,
      options.protocols ?? allProtocols,
    );
    const random = new SeededRandom(seed);
    const ground: Ground = { cluster, random, holdMs: () => between(random, ...holdMs) };
    const harms = options.faults.map(({ name, effects, inject }) => ({
      name,
      effects,
      inject: () => inject(ground),
    }));
    return await runOn({ target: cluster, doors, harms, random, main, again: againWords(options) }, options);
  } finally {
    for (const door of doors) door.close();
    await cluster?.stop();
    await fabric?.stop();
    disks?.unmount();
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

function againWords({ workload, nemesis, mix, durationMs, nodes, seed }: ChaosOptions): string {
  return `make chaos WORKLOAD=${workload.name} NEMESIS=${nemesis} MIX=${mix} DURATION=${durationMs / 1000} NODES=${nodes} SEED=${seed}`;
}

function weave({ faults, nodes, out }: ChaosOptions): Promise<Fabric> {
  const needed = new Set(faults.map(({ fabric }) => fabric));
  if (needed.has("toxiproxy") && needed.has("netns"))
    throw new TypeError("faults of packets and of Toxiproxy can't be mixed in one run");
  if (needed.has("netns")) return NetnsFabric.create(nodes);
  if (needed.has("toxiproxy")) return ToxiproxyFabric.create(nodes, join(out, "toxiproxy.log"));
  return DirectFabric.create(nodes);
}
