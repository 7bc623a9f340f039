import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

const sizeMb = 96;

/** Why there are no small disks here. */
export class SmallDisksMissing extends Error {}

/** A small file system in memory per node, that can be filled. Needs root. */
export class SmallDisks {
  private readonly mounted: string[] = [];

  constructor(folder: string, nodes: number) {
    try {
      for (let n = 0; n < nodes; n++) {
        const path = join(folder, `disk-${n + 1}`);
        mkdirSync(path, { recursive: true });
        execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMb}m`, "tmpfs", path], { stdio: "pipe" });
        this.mounted.push(path);
      }
    } catch (error) {
      this.unmount();
      throw new SmallDisksMissing(`small disks can't be mounted: ${String(error)}`);
    }
  }

  folder(n: number): string {
    return join(this.mounted[n]!, "data");
  }

  unmount(): void {
    for (const path of this.mounted.splice(0)) execFileSync("umount", ["-l", path], { stdio: "pipe" });
  }
}
