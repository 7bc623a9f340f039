import type { Model, Narrowed } from "../model.js";
import { canonical, type Operation } from "../operation.js";
import { endOf } from "../sweep.js";
import { numberedQueue } from "./numbered-queue.js";
import { isKnown } from "./shapes.js";

/** All that is about one element which was added once at most. */
interface Story {
  readonly element: string;
  readonly operations: readonly Operation[];
  readonly addedNs: number;
  /** When it was taken; infinite: no answer says so. */
  readonly takenNs: number;
}

const windowSize = 8;
const windowStep = 4;
/** Reads, and pops that found nothing, that are looked at with a window: so many of the first, and of the last. */
const mostWitnesses = 12;

/**
 * A queue's history with some elements left out is one of a queue that never held them. So each of these, which are of some
 * elements that came or went at about the same time, must be linearizable by itself; lengths then tell nothing.
 */
export function* queueWindows(model: Model<unknown>, operations: readonly Operation[]): Iterable<Narrowed> {
  const happened = operations.filter(({ outcome }) => outcome !== "fail");
  const stories = storiesOf(happened);
  const isOfNone = (each: Operation): boolean =>
    !isAddition(each) &&
    (each.f === "read" ? isKnown(each) : !isKnown(each) || (each.output ?? null) === null);
  const others = happened.filter(isOfNone).sort((a, b) => a.invokedNs - b.invokedNs);
  for (const placeOf of [({ addedNs }: Story) => addedNs, ({ takenNs }: Story) => takenNs]) {
    const inTime = [...stories].sort((a, b) => placeOf(a) - placeOf(b) || a.addedNs - b.addedNs);
    for (let from = 0; from < inTime.length; from += windowStep) {
      const some = inTime.slice(from, from + windowSize);
      const only = new Set(some.map(({ element }) => element));
      yield {
        model: { ...model, given: (each) => numberedQueue(each, only) },
        operations: [...some.flatMap((story) => story.operations), ...witnesses(others, some)],
      };
    }
  }
}

function isAddition({ f }: Operation): boolean {
  return f === "push" || f === "unshift";
}

function storiesOf(operations: readonly Operation[]): readonly Story[] {
  const byElement = new Map<string, Operation[]>();
  for (const operation of operations) {
    const { f, input, output } = operation;
    const element = isAddition(operation) ? input : f === "read" || !isKnown(operation) ? null : output;
    if ((element ?? null) === null) continue;
    const text = canonical(element);
    const some = byElement.get(text);
    if (some === undefined) byElement.set(text, [operation]);
    else some.push(operation);
  }
  return [...byElement].flatMap(([element, some]) => {
    const removals = some.filter((each) => !isAddition(each));
    if (some.length - removals.length > 1) return [];
    return {
      element,
      operations: some,
      addedNs: Math.min(...some.map(({ invokedNs }) => invokedNs)),
      takenNs: Math.min(Number.POSITIVE_INFINITY, ...removals.map(({ invokedNs }) => invokedNs)),
    };
  });
}

/** Unknown removals, and some of what shows what wasn't there while these were. */
function witnesses(others: readonly Operation[], stories: readonly Story[]): readonly Operation[] {
  const fromNs = Math.min(...stories.map(({ addedNs }) => addedNs));
  const untilNs = Math.max(...stories.flatMap(({ operations }) => operations.map(endOf)));
  const near = others.filter((each) => endOf(each) >= fromNs && each.invokedNs <= untilNs);
  const known = near.filter(isKnown);
  const shown =
    known.length <= 2 * mostWitnesses
      ? known
      : [...known.slice(0, mostWitnesses), ...known.slice(-mostWitnesses)];
  return [...near.filter((each) => !isKnown(each)), ...shown];
}
