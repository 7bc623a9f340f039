import type { Operation } from "./operation.js";

/**
 * The sequential specification of one key. `State` is immutable.
 */
export interface Model<State = unknown> {
  readonly name: string;
  readonly initial: State;
  /**
   * All states in which `operation` may leave `state`; empty: it can't have happened here. The output of an operation
   * whose outcome is info is not known, and a refusal is one of its possible answers: `[state]` then. The likeliest comes
   * first.
   * @throws ShapeError when input or output isn't of the model's shape.
   */
  step(state: State, operation: Operation): readonly State[];
  /** Equal for equal states. */
  stateKey(state: State): string;
  /**
   * A model of states of its own that allows the same, made quicker by what the whole history of the key shows.
   * @throws ShapeError as `step`.
   */
  given?(operations: readonly Operation[]): Model;
  /**
   * Whether `operation` leaves every state in which it is possible as it was. An unknown one of which this is said is never
   * tried, so that it may also be said of one without which every linearization stands.
   */
  isInert?(operation: Operation): boolean;
  /** Equal for unknown operations that may stand for one another; left out: the same f and input. */
  kindOf?(operation: Operation): string;
  /**
   * By when an unknown operation must have happened, in ns, where the answers show that it did; null: they don't.
   */
  deadlineNs?(operation: Operation): number | null;
  /**
   * Which of `pending` need be tried right before what leads to `target`, which is one of them or not. Left out: all.
   * It may leave out only what can be left out without losing a linearization.
   */
  candidates?(state: State, pending: readonly Operation[], target: Operation): readonly Operation[];
  /** Smaller histories out of a whole one, each of which is linearizable if that is. */
  narrowed?(operations: readonly Operation[]): Iterable<Narrowed>;
  /** `tried` with the best guess last; left out: `target` comes last. It decides about time alone. */
  ranked?(tried: readonly Operation[], target: Operation): readonly Operation[];
}

/** A part of a history, and what judges it. */
export interface Narrowed {
  readonly model: Model<unknown>;
  readonly operations: readonly Operation[];
}

/** A history doesn't fit the model: no verdict about the system. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}
