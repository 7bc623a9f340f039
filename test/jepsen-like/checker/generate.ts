import type { Operation } from "../../../jepsen-like/checker/operation.js";

/** What a generated operation asks, and the answer that a correct system gives. */
export interface Spec<State> {
  readonly initial: State;
  /** `draw(n)` is uniform in 0 .. n - 1; `unique` was never given before. */
  ask(draw: (below: number) => number, unique: number): { readonly f: string; readonly input: unknown };
  apply(state: State, f: string, input: unknown): readonly [State, unknown];
}

/** A small generator of numbers, uniform in 0 .. below - 1. */
export function drawFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % below;
  };
}

/**
 * A linearizable history: each operation takes effect at a point of its own inside its interval. Of `unknowns` operations
 * the answer is lost, and every second of them doesn't take effect.
 */
export function generate<State>(
  spec: Spec<State>,
  draw: (below: number) => number,
  count: number,
  processes: number,
  unknowns: number,
): Operation[] {
  const every = unknowns === 0 ? Number.POSITIVE_INFINITY : Math.floor(count / unknowns);
  const freeAt = Array.from({ length: processes }, () => 0);
  let process = processes;
  const drawn = Array.from({ length: count }, (_, i) => {
    const seat = draw(processes);
    const invokedNs = freeAt[seat]! + 1 + draw(20);
    const pointNs = invokedNs + draw(20);
    const completedNs = pointNs + draw(20);
    const isUnknown = (i + 1) % every === 0;
    freeAt[seat] = isUnknown ? invokedNs : completedNs;
    return {
      seat: isUnknown ? process++ : seat,
      invokedNs,
      pointNs,
      completedNs,
      isUnknown,
      i,
      ...spec.ask(draw, i + 1),
    };
  });
  let state = spec.initial;
  const answers = new Map<number, unknown>();
  for (const { i, f, input, isUnknown } of [...drawn].sort((a, b) => a.pointNs - b.pointNs || a.i - b.i)) {
    if (isUnknown && draw(2) === 0) continue;
    const [next, answer] = spec.apply(state, f, input);
    state = next;
    answers.set(i, answer);
  }
  return drawn.map(({ seat, f, input, invokedNs, completedNs, isUnknown, i }) => ({
    process: seat,
    f,
    key: "k",
    input,
    output: isUnknown ? null : answers.get(i),
    invokedNs,
    completedNs: isUnknown ? null : completedNs,
    outcome: isUnknown ? "info" : "ok",
  }));
}
