import type { Model } from "../model.js";
import type { Operation } from "../operation.js";
import { type Deque, Deques } from "./deque.js";
import { QueueOrder } from "./queue-order.js";
import { type Part, partsOf } from "./queue-parts.js";
import { isKnown } from "./shapes.js";

/**
 * States are numbers with sums. An element is added only where what is known of the removals leaves all a way out, and an
 * unknown one that nobody ever saw not at all, unless lengths count it.
 * @param only Canonical texts of the elements that are looked at; null: all.
 */
export function numberedQueue(
  operations: readonly Operation[],
  only: ReadonlySet<string> | null = null,
): Model<Deque> {
  const parts = partsOf(operations, only);
  const deques = new Deques(parts.of.size);
  const order = new QueueOrder(parts);
  let tellsLengths = false;
  const seen = new Set<number>();
  for (const part of parts.of.values())
    if (part.kind === "add") tellsLengths ||= part.length !== null;
    else if (part.kind === "read") for (const each of part.elements ?? []) seen.add(each);
    else if (part.element !== null) seen.add(part.element);
  const partOf = (operation: Operation): Part => parts.of.get(operation)!;
  const addedBy = (some: readonly Operation[]): readonly number[] =>
    some.map(partOf).flatMap((part) => (part.kind === "add" ? [part.element] : []));
  return {
    name: "queue",
    initial: deques.empty,
    stateKey: ({ elements, sums: [first, second] }) => `${elements.length} ${first} ${second}`,
    step(state, operation) {
      const part = partOf(operation);
      const { elements } = state;
      switch (part.kind) {
        case "add": {
          const { isTail, element, length } = part;
          if (length !== null && length !== elements.length + 1) return [];
          if (!order.isFitting(elements, element, isTail)) return [];
          return [isTail ? deques.pushed(state, element) : deques.unshifted(state, element)];
        }
        case "remove": {
          const end = part.isHead ? elements[0] : elements.at(-1);
          if (part.isKnown && part.element !== (end ?? null)) return [];
          if (end === undefined) return [state];
          return [part.isHead ? deques.popped(state) : deques.rpopped(state)];
        }
        case "read": {
          const { elements: told } = part;
          const fits =
            told === null ||
            (told.length === elements.length && told.every((each, at) => each === elements[at]));
          return fits ? [state] : [];
        }
      }
    },
    isInert(operation) {
      const part = partOf(operation);
      if (part.kind === "read") return true;
      if (part.kind === "add") return !tellsLengths && !isKnown(operation) && !seen.has(part.element);
      return part.isKnown && part.element === null;
    },
    deadlineNs(operation) {
      const part = partOf(operation);
      return part.kind === "add" ? order.addedByNs(part.element) : null;
    },
    ranked(tried, target) {
      const added = addedBy(tried);
      const doubtsOf = (each: Operation): number => {
        const part = partOf(each);
        if (part.kind !== "add") return each === target ? 0 : 0.5;
        const earlier = added.filter((first) => order.shouldComeFirst(first, part.element)).length;
        return each === target ? earlier : earlier + 0.5;
      };
      const doubts = new Map(tried.map((each) => [each, doubtsOf(each)]));
      return [...tried].sort((a, b) => doubts.get(b)! - doubts.get(a)!);
    },
    candidates({ elements }, pending) {
      const added = addedBy(pending);
      return pending.filter((each) => {
        const part = partOf(each);
        if (part.kind === "add") return !added.some((first) => order.mustComeFirst(first, part.element));
        if (part.kind === "read" || part.isKnown) return true;
        const end = part.isHead ? elements[0] : elements.at(-1);
        return end !== undefined && !order.isTaken(end);
      });
    },
  };
}
