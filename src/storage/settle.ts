/** Leaves the promise's world: what a callback throws ends the process instead of vanishing in a rejection. */
export function settle<T>(
  promise: Promise<T>,
  onValue: (value: T) => void,
  onError: (error: unknown) => void,
): void {
  promise.then(
    (value) => process.nextTick(onValue, value),
    (error: unknown) => process.nextTick(onError, error),
  );
}
