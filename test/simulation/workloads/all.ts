import { appends } from "./appends.js";
import { batches } from "./batches.js";
import { counters } from "./counters.js";
import { deadlines } from "./deadlines.js";
import { registers } from "./registers.js";
import type { Workload } from "./workload.js";

/** A class of commands that is added gets its file in this folder, and its line here. */
export const workloads: readonly Workload[] = [appends, batches, counters, deadlines, registers];
