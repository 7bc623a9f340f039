import type { Model } from "../model.js";
import { canonical, type Operation } from "../operation.js";
import { answering, asList, isEqual, isKnown, misfit } from "./shapes.js";

/** `{f: "cas"}`'s old and new value. */
function pair(operation: Operation): readonly [unknown, unknown] {
  const [old, next, ...more] = asList(operation.input, "register", operation);
  return more.length === 0 && next !== undefined ? [old, next] : misfit("register", operation);
}

/**
 * One value; null is absent. `read` -> value; `write` value -> anything; `cas` [old, new] -> false when it wasn't old,
 * anything else when it was; `delete` -> false when nothing was there, anything else when it isn't told.
 */
export const register: Model<unknown> = {
  name: "register",
  initial: null,
  stateKey: canonical,
  step(state, operation) {
    const { f, input, output } = operation;
    switch (f) {
      case "read":
        return answering(operation, state, state);
      case "write":
        return [input];
      case "cas": {
        const [old, next] = pair(operation);
        const applies = isEqual(state, old);
        if (!isKnown(operation)) return applies ? [next] : [];
        return applies === (output !== false) ? [applies ? next : state] : [];
      }
      case "delete":
        if (isKnown(operation) && typeof output === "boolean" && output !== (state !== null)) return [];
        return [null];
      default:
        return misfit("register", operation);
    }
  },
  given: byValues,
};

/** What an operation is to the values, as their canonical texts. */
interface Part {
  /** It has to see this value; null: any. */
  readonly needs: string | null;
  /** It leaves this value where it applies; null: it never changes one. */
  readonly makes: string | null;
  /** It is a refusal, or a deletion that met a value: any value but one may have been in its way. */
  readonly isVague: boolean;
}

/** Of a value that no answer and no comparison names nothing can be told, only that it is none of the others. */
const unnamed = "unnamed";
const absent = canonical(null);

function partOf(operation: Operation): Part {
  const { f, input, output } = operation;
  const isRefused = isKnown(operation) && output === false;
  if (f === "read") {
    const needs = isKnown(operation) ? canonical(output ?? null) : null;
    return { needs, makes: null, isVague: false };
  }
  if (f === "write") return { needs: null, makes: canonical(input), isVague: false };
  if (f === "delete") {
    const isTold = isKnown(operation) && typeof output === "boolean";
    return { needs: isRefused ? absent : null, makes: isRefused ? null : absent, isVague: isTold };
  }
  if (f !== "cas") return misfit("register", operation);
  const [old, next] = pair(operation).map(canonical) as [string, string];
  return isRefused
    ? { needs: null, makes: null, isVague: true }
    : { needs: old, makes: next, isVague: false };
}

/**
 * States are texts. A value that one operation alone can have written stays until all have seen it that do: what else
 * would change it need not be tried.
 */
export function byValues(operations: readonly Operation[]): Model<string> {
  const parts = new Map(operations.map((each) => [each, partOf(each)]));
  const named = new Set<string>([absent]);
  const makers = new Map<string, number>();
  /** When the last operation began that has to see a value. */
  const neededUntilNs = new Map<string, number>();
  for (const [operation, { needs, makes }] of parts) {
    if (operation.f === "cas") named.add(canonical(pair(operation)[0]));
    if (makes !== null) makers.set(makes, (makers.get(makes) ?? 0) + 1);
    if (needs === null) continue;
    named.add(needs);
    if (isKnown(operation))
      neededUntilNs.set(needs, Math.max(operation.invokedNs, neededUntilNs.get(needs) ?? 0));
  }
  const madeBy = (part: Part): string => (named.has(part.makes!) ? part.makes! : unnamed);
  return {
    name: "register",
    initial: absent,
    stateKey: (state) => state,
    step(state, operation) {
      const part = parts.get(operation)!;
      const { f, input, output } = operation;
      if (part.needs !== null && part.needs !== state) return [];
      if (f === "delete" && isKnown(operation) && output === true && state === absent) return [];
      if (f === "cas" && part.isVague && canonical((input as readonly unknown[])[0]) === state) return [];
      return [part.makes === null ? state : madeBy(part)];
    },
    isInert: (operation) => parts.get(operation)!.makes === null,
    kindOf: (operation) => {
      const part = parts.get(operation)!;
      return `${operation.f} ${part.needs} ${madeBy(part)}`;
    },
    candidates(state, pending, target) {
      if (state !== absent && makers.get(state) === 1) {
        const now = target.completedNs ?? Number.POSITIVE_INFINITY;
        const users = pending.filter((each) => isKnown(each) && parts.get(each)!.needs === state);
        if (users.length > 0) return users;
        if ((neededUntilNs.get(state) ?? Number.NEGATIVE_INFINITY) > now) return [];
      }
      const wanted = new Set(pending.map((each) => parts.get(each)!.needs));
      // Where a refusal has to be explained, any value may be the one that was in the way.
      const anyHelps = pending.some((each) => isKnown(each) && parts.get(each)!.isVague);
      return pending.filter((each) => {
        if (isKnown(each)) return true;
        const next = madeBy(parts.get(each)!);
        return next !== state && (anyHelps || wanted.has(next));
      });
    },
  };
}
