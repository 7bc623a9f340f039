import type { QuorateNode } from "./node.js";
import type { Replica } from "./replica.js";

const patienceMs = 1500;
const retryMs = 30;
/** What was acknowledged to the new leaders' clients is answered before the streams go. */
const lastRepliesMs = 50;

/** Gives every leadership of the node to a peer that stays; calls back when none is left, or nobody takes them. */
export function handOverLeaderships(node: QuorateNode, done: () => void): void {
  const until = node.clock.nowMs + patienceMs;
  const step = (): void => {
    const led = [...node.engine.replicas.values()].filter((replica) => replica.leads);
    if (led.length === 0 || node.clock.nowMs >= until || !node.peers.someStay) {
      node.options.timers.after(led.length === 0 ? lastRepliesMs : 0, done);
      return;
    }
    for (const replica of led) handOver(node, replica);
    node.options.timers.after(retryMs, step);
  };
  step();
}

function handOver(node: QuorateNode, replica: Replica): void {
  if (replica.group.status().transferTarget !== 0) return;
  const heirs = replica.group.progress().filter((each) => {
    const home = replica.nodeOf.get(each.replica) ?? 0;
    return each.voter && each.active && each.replica !== replica.id && node.peers.stays(home);
  });
  heirs.sort((a, b) => b.match - a.match);
  if (heirs[0] !== undefined) replica.group.transferLeadership(heirs[0].replica);
  node.engine.wake(replica);
}
