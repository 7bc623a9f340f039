import type { Spec } from "./generate.js";

export const registerSpec: Spec<number | null> = {
  initial: null,
  ask(draw, unique) {
    const choice = draw(10);
    if (choice < 5) return { f: "read", input: null };
    if (choice < 8) return { f: "write", input: unique };
    return choice < 9
      ? { f: "cas", input: [Math.max(1, unique - 1 - draw(3)), unique] }
      : { f: "delete", input: null };
  },
  apply(state, f, input) {
    if (f === "read") return [state, state];
    if (f === "write") return [input as number, null];
    if (f === "delete") return [null, state !== null];
    const [old, next] = input as [number, number];
    return state === old ? [next, true] : [state, false];
  },
};

/** Without refusals, which leave any value open. */
export const plainRegisterSpec: Spec<number | null> = {
  ...registerSpec,
  ask: (draw, unique) => (draw(2) === 0 ? { f: "read", input: null } : { f: "write", input: unique }),
};

export const counterSpec: Spec<number> = {
  initial: 0,
  ask: (draw) => (draw(3) === 0 ? { f: "read", input: null } : { f: "incr", input: 1 + draw(2) }),
  apply: (state, f, input) =>
    f === "read" ? [state, state] : [state + (input as number), state + (input as number)],
};

export const setSpec: Spec<readonly number[]> = {
  initial: [],
  ask: (draw, unique) => (draw(3) === 0 ? { f: "read", input: null } : { f: "add", input: unique }),
  apply: (state, f, input) => (f === "read" ? [state, state] : [[...state, input as number], null]),
};

export const listSpec: Spec<readonly number[]> = {
  initial: [],
  ask: (draw, unique) => (draw(3) === 0 ? { f: "read", input: null } : { f: "append", input: unique }),
  apply: (state, f, input) => (f === "read" ? [state, state] : [[...state, input as number], null]),
};

export const lengthListSpec: Spec<readonly number[]> = {
  ...listSpec,
  apply: (state, f, input) =>
    f === "read" ? [state, state] : [[...state, input as number], state.length + 1],
};

export const queueSpec: Spec<readonly number[]> = {
  initial: [],
  ask(draw, unique) {
    const choice = draw(4);
    if (choice < 2) return { f: choice === 0 ? "push" : "unshift", input: unique };
    return { f: choice === 2 ? "pop" : "rpop", input: null };
  },
  apply(state, f, input) {
    if (f === "push") return [[...state, input as number], null];
    if (f === "unshift") return [[input as number, ...state], null];
    return f === "pop" ? [state.slice(1), state[0] ?? null] : [state.slice(0, -1), state.at(-1) ?? null];
  },
};

/** One way alone, and whole reads now and then. */
export const lineSpec: Spec<readonly number[]> = {
  ...queueSpec,
  ask(draw, unique) {
    const choice = draw(9);
    if (choice === 0) return { f: "read", input: null };
    return choice < 5 ? { f: "push", input: unique } : { f: "pop", input: null };
  },
  apply: (state, f, input) => (f === "read" ? [state, state] : queueSpec.apply(state, f, input)),
};

export const lengthQueueSpec: Spec<readonly number[]> = {
  ...queueSpec,
  apply(state, f, input) {
    const [next, answer] = queueSpec.apply(state, f, input);
    return [next, f === "push" || f === "unshift" ? next.length : answer];
  },
};

export const bankSpec: Spec<Readonly<Record<string, number>>> = {
  initial: {},
  ask(draw, unique) {
    if (unique === 1) return { f: "open", input: { a: 5, b: 5 } };
    if (draw(2) === 0) return { f: "read", input: null };
    const [from, to] = draw(2) === 0 ? ["a", "b"] : ["b", "a"];
    return { f: "transfer", input: { from, to, amount: 1 + draw(4) } };
  },
  apply(state, f, input) {
    if (f === "open") return [input as Record<string, number>, null];
    if (f === "read") return [state, state];
    const { from, to, amount } = input as { from: string; to: string; amount: number };
    if ((state[from] ?? 0) < amount) return [state, false];
    return [{ ...state, [from]: (state[from] ?? 0) - amount, [to]: (state[to] ?? 0) + amount }, true];
  },
};

/** So many accounts and amounts that few unknown transfers are alike. */
export const largeBankSpec: Spec<Readonly<Record<string, number>>> = {
  ...bankSpec,
  ask(draw, unique) {
    if (unique === 1) return { f: "open", input: { a: 100, b: 100, c: 100, d: 100, e: 100 } };
    if (draw(2) === 0) return { f: "read", input: null };
    const from = draw(5);
    const to = (from + 1 + draw(4)) % 5;
    return { f: "transfer", input: { from: "abcde"[from], to: "abcde"[to], amount: 1 + draw(20) } };
  },
};

export const leaderboardSpec: Spec<ReadonlyMap<string, number>> = {
  initial: new Map(),
  ask(draw) {
    const member = "abc"[draw(3)]!;
    const choice = draw(5);
    if (choice === 0) return { f: "range", input: null };
    if (choice === 4) return { f: "rank", input: member };
    if (choice === 1) return { f: "remove", input: member };
    return choice === 2 ? { f: "score", input: member } : { f: "incr", input: [member, 1 + draw(3)] };
  },
  apply(state, f, input) {
    if (f === "range") return [state, [...state].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))];
    if (f === "score") return [state, state.get(input as string) ?? null];
    if (f === "rank") {
      const score = state.get(input as string);
      const isLower = ([name, other]: [string, number]): boolean =>
        other < score! || (other === score && name < (input as string));
      return [state, score === undefined ? null : [...state].filter(isLower).length];
    }
    const next = new Map(state);
    if (f === "remove") return [next, next.delete(input as string)];
    const [member, by] = input as [string, number];
    next.set(member, (next.get(member) ?? 0) + by);
    return [next, next.get(member)];
  },
};

/** Tokens are revisions: they grow, with gaps. */
export const lockSpec: Spec<{ readonly holder: number | null; readonly last: number }> = {
  initial: { holder: null, last: 0 },
  ask: (draw, unique) =>
    draw(2) === 0 ? { f: "acquire", input: null } : { f: "release", input: draw(unique) },
  apply({ holder, last }, f, input) {
    if (f === "acquire")
      return holder === null ? [{ holder: last + 1, last: last + 1 }, last + 1] : [{ holder, last }, null];
    return holder === input && holder !== null ? [{ holder: null, last }, true] : [{ holder, last }, false];
  },
};

/** A set that answers whether an element is new. */
export const toldSetSpec: Spec<readonly number[]> = {
  initial: [],
  ask: (draw) => (draw(3) === 0 ? { f: "read", input: null } : { f: "add", input: draw(6) }),
  apply: (state, f, input) =>
    f === "read"
      ? [state, state]
      : state.includes(input as number)
        ? [state, false]
        : [[...state, input as number], true],
};

/** Every third value is evicted as soon as it is written. */
export const evictionSpec: Spec<number | null> = {
  ...plainRegisterSpec,
  apply: (state, f, input) =>
    f === "read" ? [state, state] : [(input as number) % 3 === 0 ? null : (input as number), null],
};

/** Revisions are told by writes and by some reads. */
export const stringsSpec: Spec<{
  readonly value: string | null;
  readonly revision: number;
  readonly last: number;
}> = {
  initial: { value: null, revision: 0, last: 0 },
  ask(draw, unique) {
    const choice = draw(9);
    if (choice === 0) return { f: "set", input: String(draw(20)) };
    if (choice === 1) return { f: "append", input: String(1 + draw(9)) };
    if (choice === 2) return { f: "incrby", input: draw(5) - 2 };
    if (choice === 3) return { f: "cas", input: { revision: draw(unique), value: `v${unique}` } };
    if (choice === 4) return { f: "cad", input: { revision: draw(unique) } };
    if (choice === 5) return { f: "set", input: { value: "t", ttlMs: 1e-5 * draw(5), latestMs: null } };
    return { f: ["getdel", "del", "exists"][draw(12)] ?? "get", input: null };
  },
  apply(state, f, input) {
    const { value, revision, last } = state;
    const write = (text: string): typeof state => ({ value: text, revision: last + 1, last: last + 1 });
    const none = { value: null, revision: 0, last };
    const told = { revision: last + 1 };
    const asked = input as { revision: number; value: string };
    switch (f) {
      case "set":
        return [write(typeof input === "string" ? input : asked.value), told];
      case "append": {
        const text = `${value ?? ""}${input as string}`;
        return [write(text), { value: text.length, ...told }];
      }
      case "incrby": {
        if (value !== null && !/^(0|-?[1-9][0-9]{0,17})$/.test(value))
          return [state, { error: "not an integer" }];
        const sum = String(BigInt(value ?? 0) + BigInt(input as number));
        return [write(sum), sum];
      }
      case "cas":
        return asked.revision === revision ? [write(asked.value), told] : [state, false];
      case "cad":
        return asked.revision === revision && value !== null ? [none, true] : [state, false];
      case "get":
        return [state, last % 2 === 0 ? value : { value, revision }];
      case "getdel":
        return [none, value];
      case "del":
        return [none, value === null ? 0 : 1];
      default:
        return [state, value === null ? 0 : 1];
    }
  },
};
