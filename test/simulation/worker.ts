/** A process of `main.ts`: seeds in, outcomes out. */
import { simulate } from "./simulate.js";
import { drawScript } from "./swarm.js";

process.on("message", (seed: number) => {
  process.send!(simulate(drawScript(seed)));
});
