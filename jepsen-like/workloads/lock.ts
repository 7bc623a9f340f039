import { below } from "#quorate/base/random.js";
import type { Door, RunOptions } from "../doors/door.js";
import { byKey, describe, findingOf, inRealTime } from "./findings.js";
import {
  type Completion,
  completed,
  conflict,
  type Finding,
  type Invocation,
  type Load,
  type Observed,
  type Worker,
  type Workload,
} from "./workload.js";

const locks = 6;
const ttlMs = 1500;
/** A TTL is never shortened by more than 1 %, plus a clock's rate error of 5 %. */
const heldForNs = ttlMs * 0.94 * 1e6;

interface Grant {
  readonly token: number;
}

/**
 * Locks with a time to live: taken by QUORATE.CAS at revision 0, whose answer is the fencing token, and given back by
 * QUORATE.CAD with it. A resource outside the cluster refuses every token below the highest that it has seen.
 */
class LockLoad implements Load {
  /** What each worker's last grant was; half of the holders forget to give it back. */
  private readonly grants = new Map<number, { readonly key: string; readonly token: number }>();
  private readonly resource = new Map<string, number>();
  private readonly holders = new Map<Invocation, number>();

  next({ random, door, index }: Worker): Invocation | null {
    if (!door.has("QUORATE.CAS")) return null;
    const grant = this.grants.get(index);
    let invocation: Invocation;
    if (grant === undefined || below(random, 4) === 0) {
      this.grants.delete(index);
      invocation = { f: "acquire", key: `lock:${below(random, locks)}`, value: null };
    } else {
      const f = below(random, 2) === 0 ? "use" : "release";
      if (f === "release") this.grants.delete(index);
      invocation = { f, key: grant.key, value: { token: grant.token } satisfies Grant };
    }
    this.holders.set(invocation, index);
    return invocation;
  }

  async run(invocation: Invocation, door: Door, options: RunOptions): Promise<Completion> {
    const { f, key, value } = invocation;
    const holder = this.holders.get(invocation);
    this.holders.delete(invocation);
    if (f === "acquire") {
      const outcome = await door.run(["QUORATE.CAS", key, 0, `worker ${holder}`, "PX", ttlMs], options);
      return completed(outcome, (token: number) => {
        this.grants.set(holder!, { key, token });
        return { token } satisfies Grant;
      });
    }
    const { token } = value as Grant;
    if (f === "release") return completed(await door.run(["QUORATE.CAD", key, token], options), () => value);
    if (token < (this.resource.get(key) ?? 0)) return { type: "fail", error: conflict };
    this.resource.set(key, token);
    return { type: "ok", value };
  }

  final(): readonly Invocation[] {
    return [];
  }
}

function checkLock(operations: readonly Observed[], problems: string[]): void {
  const tokenOf = ({ f, value, result }: Observed): number =>
    ((f === "acquire" ? result : value) as Grant).token;
  const grants = operations
    .filter(({ f, type }) => f === "acquire" && type === "ok")
    .sort((a, b) => tokenOf(a) - tokenOf(b));
  const released = new Map(
    operations
      .filter(({ f, type }) => f === "release" && type !== "fail")
      .map((release) => [tokenOf(release), release.invokedNs]),
  );
  grants.forEach((grant, i) => {
    const next = grants[i + 1];
    if (next === undefined) return;
    if (tokenOf(next) === tokenOf(grant))
      problems.push(`one token for two: ${describe(grant)} and ${describe(next)}`);
    const givenBackNs = released.get(tokenOf(grant)) ?? Number.POSITIVE_INFINITY;
    const heldUntilNs = Math.min(givenBackNs, grant.invokedNs + heldForNs);
    if (next.completedNs < heldUntilNs)
      problems.push(`held by two: ${describe(grant)} and ${describe(next)}`);
  });
  inRealTime(grants, grants, tokenOf, (before, grant) => {
    if (tokenOf(grant) <= tokenOf(before))
      problems.push(`a token that doesn't rise after ${describe(before)}: ${describe(grant)}`);
  });
  // The resource's own order: with rising tokens, whoever was pushed out is refused.
  const uses = operations.filter(({ f, type }) => f === "use" && type === "ok");
  inRealTime(grants, uses, tokenOf, (before, use) => {
    const pushedOut = uses.some(
      (other) => tokenOf(other) === tokenOf(before) && other.completedNs < use.invokedNs,
    );
    if (pushedOut && tokenOf(use) < tokenOf(before))
      problems.push(`used with a token that was outdone by ${describe(before)}: ${describe(use)}`);
  });
}

export const lock: Workload = {
  name: "lock",
  model: null,
  start: () => new LockLoad(),
  check: (history): Finding => {
    const problems: string[] = [];
    for (const operations of byKey(history).values()) checkLock(operations, problems);
    return findingOf(problems);
  },
};
