import { execFile } from "node:child_process";
import { until } from "../cluster/wait.js";

/** Compares the replicas of every range at one index, as an operator does. @returns what differs, or null. */
export async function compareDigests(
  main: string,
  address: string,
  patienceMs = 60_000,
): Promise<string | null> {
  const words = [main, "status", "--addr", address, "--json", "--digest"];
  try {
    await until(
      "the replicas of all ranges are equal",
      () =>
        new Promise<boolean>((resolve, reject) => {
          execFile(process.execPath, words, (error, stdout, stderr) => {
            if (error === null) resolve(true);
            else reject(new Error(`${stderr}${stdout}`.slice(-2000)));
          });
        }),
      patienceMs,
    );
    return null;
  } catch (error) {
    return String(error);
  }
}
