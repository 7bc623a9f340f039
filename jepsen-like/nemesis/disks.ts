import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { pick } from "../run/draw.js";
import type { Fault } from "./fault.js";
import { leader, startAndHeal } from "./processes.js";

/** Faults of disks: full, and damaged while the node is stopped. A disk that syncs slowly can't be had without a kernel's help. */

const blockBytes = 64 * 1024;

function fill(file: string): void {
  const handle = openSync(file, "w");
  try {
    const block = Buffer.alloc(blockBytes, 1);
    for (let bytes = block; bytes.length > 0; bytes = bytes.subarray(0, bytes.length >> 1))
      try {
        for (;;) if (writeSync(handle, bytes) < bytes.length) break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
  } finally {
    closeSync(handle);
  }
}

function largestRecordFile(data: string): string | null {
  const folder = join(data, "log-records");
  const files = readdirSync(folder)
    .filter((name) => /\.(log|ldb)$/.test(name))
    .map((name) => join(folder, name))
    .sort((a, b) => statSync(b).size - statSync(a).size);
  return files[0] ?? null;
}

export const diskFaults: readonly Fault[] = [
  {
    name: "disk-full",
    fabric: null,
    smallDisks: true,
    minNodes: 1,
    effects: ["errors", "leader", "latency"],
    inject: async (ground) => {
      const { cluster } = ground;
      const at = await leader(ground);
      if (at === null) return null;
      const ballast = join(cluster.data(at), "..", "ballast");
      fill(ballast);
      return {
        what: `the disk of ${cluster.name(at)} is full`,
        heal: async () => {
          rmSync(ballast, { force: true });
          await Promise.resolve();
        },
      };
    },
  },
  {
    // The node must notice, and come back with new replicas: what its log lost it had promised to keep.
    name: "flipped-byte",
    fabric: null,
    minNodes: 3,
    effects: ["down"],
    inject: async ({ cluster, random }) => {
      const whole = await cluster.healed(5000).catch(() => null);
      if (whole === null || cluster.running.length < cluster.size) return null;
      const at = pick(random, cluster.running);
      await cluster.kill(at);
      const file = largestRecordFile(cluster.data(at));
      if (file !== null) {
        const bytes = readFileSync(file);
        bytes[bytes.length >> 1]! ^= 0x55;
        writeFileSync(file, bytes);
      }
      return {
        what: `kill -9 of ${cluster.name(at)} and a byte of its log flipped`,
        heal: () => startAndHeal(cluster, at),
      };
    },
  },
];
