import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NetnsFabric } from "../cluster/netns-fabric.js";
import { SmallDisks } from "../cluster/small-disks.js";
import { findServer } from "../cluster/toxiproxy-server.js";
import type { Fault } from "./fault.js";
import { requireStrace } from "./syncs.js";

/** What some faults need of the machine. */
interface Means {
  readonly isNeededBy: (fault: Fault) => boolean;
  /** Throws when it isn't there. */
  readonly tryOut: () => Promise<unknown>;
}

const all: readonly Means[] = [
  { isNeededBy: ({ fabric }) => fabric === "toxiproxy", tryOut: findServer },
  {
    isNeededBy: ({ fabric }) => fabric === "netns",
    tryOut: async () => (await NetnsFabric.create(1)).stop(),
  },
  { isNeededBy: ({ smallDisks }) => smallDisks === true, tryOut: tryDisks },
  { isNeededBy: ({ strace }) => strace === true, tryOut: async () => requireStrace() },
];

async function tryDisks(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "quorate-means-"));
  try {
    new SmallDisks(folder, 1).unmount();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  await Promise.resolve();
}

export interface Skipped {
  readonly faults: readonly string[];
  readonly reason: string;
}

/** The faults that this machine has no means for, and why. */
export async function withoutMeans(faults: readonly Fault[]): Promise<readonly Skipped[]> {
  const skipped: Skipped[] = [];
  for (const { isNeededBy, tryOut } of all) {
    const names = faults.filter(isNeededBy).map(({ name }) => name);
    if (names.length === 0) continue;
    try {
      await tryOut();
    } catch (error) {
      skipped.push({ faults: names, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return skipped;
}
