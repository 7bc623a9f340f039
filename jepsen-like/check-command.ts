import { readFileSync } from "node:fs";
import { resultText } from "./checker/check.js";
import { checkerOf, checkers } from "./checker/checkers.js";
import { HistoryError, pairEvents, parseHistory } from "./history/history.js";

const exitCodes = { valid: 0, invalid: 1, unknown: 2 } as const;

/** Judges a history file and prints the verdict. @returns the exit code: 0 valid, 1 invalid, 2 unknown or unreadable. */
export function checkCommand(file: string, model: string, asJson: boolean): number {
  const checker = checkerOf(model);
  if (checker === null) return refuse(`--model is one of ${checkers.map(({ name }) => name).join(", ")}`);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return refuse(`can't read ${file}: ${(error as Error).message}`);
  }
  try {
    const operations = pairEvents(parseHistory(text));
    if (operations.length === 0) return refuse(`${file} holds no operation, which proves nothing`);
    const result = checker.check(operations);
    process.stdout.write(asJson ? `${JSON.stringify(result, null, 2)}\n` : resultText(result));
    return exitCodes[result.verdict];
  } catch (error) {
    if (!(error instanceof HistoryError)) throw error;
    return refuse(`${file}: ${error.message}`);
  }
}

function refuse(message: string): number {
  process.stderr.write(`quorate check: ${message}\n`);
  return exitCodes.unknown;
}
