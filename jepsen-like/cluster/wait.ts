export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** Polls until `met` gives something; says what it waited for, and what it saw last, when it doesn't. */
export async function until<T>(
  what: string,
  met: () => T | Promise<T>,
  patienceMs = 30_000,
): Promise<NonNullable<T>> {
  const end = Date.now() + patienceMs;
  let failure = "";
  for (;;) {
    try {
      const value = await met();
      if (value !== null && value !== undefined && value !== false) return value;
    } catch (error) {
      failure = `: ${String(error)}`;
    }
    if (Date.now() > end) throw new Error(`not within ${patienceMs} ms: ${what}${failure}`);
    await sleep(50);
  }
}
