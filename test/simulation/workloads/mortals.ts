import { ttl } from "../../../jepsen-like/checker/ttl.js";
import { below } from "../../../src/base/random.js";
import { operationsOf } from "../linearizability.js";
import { byTag, isLinearizable, tagFor } from "./history.js";
import { wrongSights } from "./versions.js";
import type { Draw, Observation, Workload } from "./workload.js";

const lifetimes = [50, 300, 1000, 3000, 10_000] as const;
const span = 12;
const writes: ReadonlySet<string> = new Set(["SET", "PSETEX", "SETEX"]);

/** Values that get one TTL and are only looked at: there as long as was promised, and then gone for ever. */
export const mortals: Workload = {
  name: "mortals",
  draw(random, _keys, number): Draw {
    const key = `${tagFor("mortal", 0, number, span)}m`;
    const lifeMs = lifetimes[below(random, lifetimes.length)]!;
    if (number % span !== 0) {
      const name = below(random, 3) === 0 ? "EXISTS" : "GET";
      return { name, args: [key], weak: true };
    }
    const value = `l${number}`;
    const args = [
      ["SET", key, value, "PX", String(lifeMs)],
      ["PSETEX", key, String(lifeMs), value],
      ["SETEX", key, String(Math.ceil(lifeMs / 1000)), value],
    ][below(random, 3)]!;
    return { name: args[0]!, args: args.slice(1), weak: false };
  },
  finalReads: () => [],
  check(observations, conditions) {
    return [...byTag(observations)].flatMap(([tag, history]) => {
      const sights = history.flatMap((by) => {
        const { name, args } = by.operation;
        if (writes.has(name))
          return [{ by, value: args.find((each) => each.startsWith("l"))!, isWrite: true }];
        if (name !== "GET" || by.outcome !== "ok") return [];
        return [{ by, value: by.reply as string | null, isWrite: false }];
      });
      const wrong = wrongSights(tag, sights, { mayVanish: true });
      const { verdict, keys } = ttl.check(asChecked(history, conditions?.keepsTtls ?? false));
      return verdict === "valid" ? wrong : [...keys.flatMap(({ problems }) => problems), ...wrong];
    });
  },
};

function asChecked(history: readonly Observation[], isTtlSure: boolean) {
  const strong = history.filter((each) => isLinearizable(each) && each.operation.name !== "EXISTS");
  return operationsOf(strong).map((each) => {
    const args = each.input as readonly string[];
    if (!writes.has(each.f)) return { ...each, f: "read" };
    const value = args.find((arg) => arg.startsWith("l"));
    const told = Number(each.f === "SET" ? args[3] : args[1]) * (each.f === "SETEX" ? 1000 : 1);
    return { ...each, f: "write", input: { value, ttlMs: isTtlSure ? told : 0, latestMs: null } };
  });
}
