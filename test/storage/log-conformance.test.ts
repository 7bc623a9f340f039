import { join } from "node:path";
import { SeededRandom } from "../../src/base/random.js";
import { createLevelLog } from "../../src/storage/level-log.js";
import { describeLogStorage } from "../conformance/log-storage.js";
import { SimDisk } from "../simulation/sim-disk.js";
import { createSimStorage } from "../simulation/sim-storage.js";
import { silentLog } from "./silent-log.js";
import { temporaryFolder } from "./temporary-folder.js";

for (const durability of ["fsync", "buffered"] as const) {
  describeLogStorage(`level, ${durability}`, () => {
    const folder = temporaryFolder();
    const options = { durability, log: silentLog, bootId: "boot-1", expectExisting: false };
    return {
      start: () => createLevelLog({ folder: join(folder.path, "log"), ...options }),
      dispose: () => folder.remove(),
    };
  });

  describeLogStorage(`simulated, ${durability}`, () => {
    const scheduler = (_delayMs: number, callback: () => void): void => void setImmediate(callback);
    const disk = new SimDisk({ scheduler, random: new SeededRandom(1), durability });
    return { start: () => createSimStorage(disk, false).log, dispose: () => {} };
  });
}
