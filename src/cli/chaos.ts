/** What the harness is asked for; see `quorate chaos --help`. */
export interface ChaosOptions {
  readonly workload: string;
  readonly nemesis: string | undefined;
  readonly mix: number;
  readonly duration: number;
  readonly seed: number | undefined;
  readonly nodes: number;
  readonly out: string | undefined;
  readonly main: string | undefined;
  readonly against: string | undefined;
  readonly natMap: string | undefined;
  readonly protocols: string | undefined;
  readonly faultCommand: string | undefined;
}

interface Harness {
  readonly chaosCommand: (options: ChaosOptions) => Promise<number>;
}

// The harness is built on top of everything here, and stands beside it: it is looked for, not imported.
const harness = new URL("../jepsen-like/chaos-command.js", import.meta.url);

/** Runs the chaos harness of a checkout. */
export async function runChaos(options: ChaosOptions): Promise<void> {
  let loaded: Harness;
  try {
    loaded = (await import(harness.href)) as Harness;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    process.stderr.write(
      "quorate chaos: needs a checkout with its development packages: npm ci && make build\n",
    );
    process.exitCode = 2;
    return;
  }
  // Clients of killed nodes may still be waiting for them.
  process.exit(await loaded.chaosCommand(options));
}
