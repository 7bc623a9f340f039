import { ShapeError } from "../model.js";
import { canonical, describe, type Operation } from "../operation.js";

export function isEqual(a: unknown, b: unknown): boolean {
  return a === b || canonical(a) === canonical(b);
}

export function isKnown({ outcome }: Operation): boolean {
  return outcome === "ok";
}

/** Keeps `next` where the answer fits, or where it isn't known. */
export function answering<State>(operation: Operation, answer: unknown, next: State): readonly State[] {
  return !isKnown(operation) || isEqual(operation.output, answer) ? [next] : [];
}

export function misfit(model: string, operation: Operation): never {
  throw new ShapeError(`not of model ${model}: ${describe(operation)}`);
}

export function asNumber(value: unknown, model: string, operation: Operation): number {
  return typeof value === "number" ? value : misfit(model, operation);
}

export function asList(value: unknown, model: string, operation: Operation): readonly unknown[] {
  return Array.isArray(value) ? value : misfit(model, operation);
}
