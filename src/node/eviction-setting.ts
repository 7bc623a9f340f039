import type { MetaTables } from "../placement/tables.js";
import { type EvictionPolicy, noEviction, policyByName } from "../store/eviction/policies.js";

/** The cluster's one eviction policy, as a setting in meta's tables. */
export const evictionSetting = "maxmemory-policy";

/** null: nobody chose one yet, or it is one that this version doesn't know. */
export function chosenPolicy(tables: MetaTables | null): EvictionPolicy | null {
  const setting = tables?.settings.find(([name]) => name === evictionSetting);
  return setting === undefined ? null : policyByName(setting[1]);
}

/** What the ranges should go by. */
export function policyInForce(tables: MetaTables | null): EvictionPolicy {
  return chosenPolicy(tables) ?? noEviction;
}
