/**
 * How the tests with drawn inputs (fast-check) draw them.
 *
 * - PROPERTY_SEED: a whole number of 32 bits; 1 unless given, so that a run finds today what it found yesterday. `random`
 *   draws one for each property, and a failure tells it.
 * - PROPERTY_RUNS: how many times as many inputs as a property asks for; 1 unless given. Time limits grow with it.
 */
import fc from "fast-check";

const factor = factorOf(process.env.PROPERTY_RUNS ?? "1");

/** `count` inputs, times PROPERTY_RUNS. */
export function runs(count: number): number {
  return Math.max(1, Math.round(count * factor));
}

/** For properties that don't say how many inputs they take, and for the seed of all. */
export function configureProperties(): void {
  const seed = seedOf(process.env.PROPERTY_SEED ?? "1");
  fc.configureGlobal({ numRuns: runs(100), ...(seed === null ? {} : { seed }) });
}

/** null: another one each time. */
function seedOf(text: string): number | null {
  if (text === "random") return null;
  const seed = Number(text);
  if (text.trim() === "" || seed !== (seed | 0))
    throw new Error(`PROPERTY_SEED is a whole number of 32 bits, or random: ${text}`);
  return seed;
}

function factorOf(text: string): number {
  const number = Number(text);
  if (!(number > 0 && number < Number.POSITIVE_INFINITY))
    throw new Error(`PROPERTY_RUNS is a number above 0: ${text}`);
  return number;
}
