import type { Script } from "./script.js";
import { simulate } from "./simulate.js";

const roundLimit = 400;

/**
 * Drops faults and operations as long as the script still breaks something, larger parts first. What breaks may become
 * another thing on the way: every violation is one.
 */
export function shrink(script: Script, progress: (line: string) => void): Script {
  let smallest = script;
  let runs = 0;
  const fails = (candidate: Script): boolean => {
    if (runs++ > roundLimit || simulate(candidate).violation === null) return false;
    smallest = candidate;
    return true;
  };
  const drop = (part: "faults" | "operations"): void => {
    for (
      let size = Math.ceil(smallest[part].length / 2);
      size > 0;
      size = size === 1 ? 0 : Math.ceil(size / 2)
    )
      for (let at = 0; at < smallest[part].length; ) {
        const left = [...smallest[part].slice(0, at), ...smallest[part].slice(at + size)];
        if (!fails({ ...smallest, [part]: left })) at += size;
      }
    progress(`${smallest[part].length} ${part} are left after ${runs} runs`);
  };
  drop("faults");
  drop("operations");
  drop("faults");
  return smallest;
}
