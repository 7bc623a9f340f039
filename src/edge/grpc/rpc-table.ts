import type { Rpc } from "./rpc-fields.js";
import { bitRpcs } from "./rpcs-bits.js";
import { hashRpcs } from "./rpcs-hashes.js";
import { keySpaceRpcs } from "./rpcs-key-space.js";
import { listRpcs } from "./rpcs-lists.js";
import { setRpcs } from "./rpcs-sets.js";
import { sortedSetRpcs } from "./rpcs-sorted-sets.js";
import { stringRpcs } from "./rpcs-strings.js";

/** The calls of CacheService by their name in the .proto. */
export const rpcTable: Readonly<Record<string, Rpc>> = {
  ...stringRpcs,
  ...bitRpcs,
  ...keySpaceRpcs,
  ...listRpcs,
  ...hashRpcs,
  ...setRpcs,
  ...sortedSetRpcs,
};
