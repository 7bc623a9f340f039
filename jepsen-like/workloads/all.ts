import { append } from "./append.js";
import { counter } from "./counter.js";
import { register } from "./register.js";
import { set } from "./set.js";
import type { Workload } from "./workload.js";

/** Every workload there is: a new one is a file here, and a line in this list. */
export const workloads: readonly Workload[] = [append, counter, register, set];

export function workloadOf(name: string): Workload | null {
  return workloads.find((each) => each.name === name) ?? null;
}
