import { canonical, type Operation } from "../operation.js";
import { endOf } from "../sweep.js";
import { asList, isKnown, misfit } from "./shapes.js";

export interface Addition {
  readonly kind: "add";
  readonly isTail: boolean;
  readonly element: number;
  /** The length after it; null: not told. */
  readonly length: number | null;
}

export interface Removal {
  readonly kind: "remove";
  readonly isHead: boolean;
  readonly isKnown: boolean;
  /** null: it found nothing, or nobody knows. */
  readonly element: number | null;
  readonly invokedNs: number;
  readonly endNs: number;
}

export interface Read {
  readonly kind: "read";
  readonly invokedNs: number;
  readonly endNs: number;
  /** null: unknown. */
  readonly elements: readonly number[] | null;
}

/** What an operation is to the elements, which have numbers. */
export type Part = Addition | Removal | Read;

export interface Parts {
  readonly of: ReadonlyMap<Operation, Part>;
  /** How many different elements there are. */
  readonly elements: number;
}

/**
 * @param only Canonical texts of the elements that reads are taken to show, while lengths tell nothing; null: all.
 * @throws ShapeError for what isn't of the model.
 */
export function partsOf(operations: readonly Operation[], only: ReadonlySet<string> | null): Parts {
  const numbers = new Map<string, number>();
  const numberOf = (element: unknown): number => {
    const text = canonical(element);
    const known = numbers.get(text);
    if (known !== undefined) return known;
    numbers.set(text, numbers.size);
    return numbers.size - 1;
  };
  const partOf = (operation: Operation): Part => {
    const { f, input, invokedNs } = operation;
    const endNs = endOf(operation);
    const output = isKnown(operation) ? (operation.output ?? null) : null;
    switch (f) {
      case "push":
      case "unshift": {
        // A pop that answers null found nothing.
        if ((input ?? null) === null) return misfit("queue", operation);
        const length = only === null && typeof output === "number" ? output : null;
        return { kind: "add", isTail: f === "push", element: numberOf(input), length };
      }
      case "pop":
      case "rpop":
        return {
          kind: "remove",
          isHead: f === "pop",
          isKnown: isKnown(operation),
          element: output === null ? null : numberOf(output),
          invokedNs,
          endNs,
        };
      case "read": {
        const told = isKnown(operation) ? asList(output, "queue", operation) : null;
        const shown = told?.filter((each) => only?.has(canonical(each)) ?? true);
        return { kind: "read", invokedNs, endNs, elements: shown?.map(numberOf) ?? null };
      }
      default:
        return misfit("queue", operation);
    }
  };
  const happened = operations.filter(({ outcome }) => outcome !== "fail");
  return { of: new Map(happened.map((each) => [each, partOf(each)])), elements: numbers.size };
}
