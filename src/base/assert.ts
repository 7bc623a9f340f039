/** A broken invariant. Nobody catches it: the node stops, loudly. */
class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** States a relation that must hold; a failed one ends the process. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Closes an exhaustive switch. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${String(value)}`);
}
