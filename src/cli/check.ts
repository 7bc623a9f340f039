export interface CheckOptions {
  readonly model: string;
  readonly json?: boolean;
}

interface CheckModule {
  readonly checkCommand: (file: string, model: string, asJson: boolean) => number;
}

// The checker stands beside the cluster's code: it is looked for, not imported, so that no layer depends on it.
const checker = new URL("../jepsen-like/check-command.js", import.meta.url);

/** Judges a history file; exits 0 valid, 1 invalid, 2 unknown or unreadable. */
export async function runCheck(file: string, options: CheckOptions): Promise<void> {
  const loaded = (await import(checker.href)) as CheckModule;
  process.exitCode = loaded.checkCommand(file, options.model, options.json === true);
}
