const sealed = [
  "Date",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "performance",
  "crypto",
] as const;

/**
 * While it runs, whoever asks for the real time, for real randomness or for a real timer gets an error: a simulated world
 * must not depend on them. Synchronous, since a promise would need what is sealed here.
 */
export function withoutRealTime<Value>(run: () => Value): Value {
  const kept = sealed.map((name) => Object.getOwnPropertyDescriptor(globalThis, name)!);
  const random = Math.random;
  for (const name of sealed)
    Object.defineProperty(globalThis, name, {
      configurable: true,
      get: () => {
        throw new Error(`${name} was asked for inside the simulator`);
      },
    });
  Math.random = () => {
    throw new Error("Math.random was asked for inside the simulator");
  };
  try {
    return run();
  } finally {
    Math.random = random;
    for (const [i, name] of sealed.entries()) Object.defineProperty(globalThis, name, kept[i]!);
  }
}
