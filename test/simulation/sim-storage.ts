import type { Identity, IdentityStore } from "../../src/ports/identity.js";
import type { LogStorage } from "../../src/ports/log-storage.js";
import type { SnapshotStorage } from "../../src/ports/snapshot-storage.js";
import type { SimDisk } from "./sim-disk.js";
import { SimLog } from "./sim-log.js";
import { SimSnapshots } from "./sim-snapshots.js";

/** What one start of a node gets from its disk; after `disk.crash` ask anew. */
export interface SimStorage {
  readonly log: LogStorage;
  readonly snapshots: SnapshotStorage;
  readonly identity: IdentityStore;
}

/** `expectExisting`: as for `createLevelLog`, what the node's identity says. */
export function createSimStorage(disk: SimDisk, expectExisting: boolean): SimStorage {
  return {
    log: new SimLog(disk, expectExisting),
    snapshots: new SimSnapshots(disk),
    identity: createSimIdentity(disk),
  };
}

function createSimIdentity(disk: SimDisk): IdentityStore {
  return {
    load(done) {
      disk.later(() => done(null, disk.identity));
    },
    save(identity: Identity, done) {
      disk.write(() => {
        disk.identity = identity;
      }, done);
    },
  };
}
