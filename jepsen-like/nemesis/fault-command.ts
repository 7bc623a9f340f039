import { execFile, spawnSync } from "node:child_process";
import type { Harm } from "./fault.js";

const patienceMs = 120_000;
const nothingToStrike = 3;

/** Why a run was broken off: the command did not do what it was asked for. */
export class FaultCommandFailed extends Error {}

/**
 * Faults made by whoever owns the cluster: `<command> start` makes one, and says what it did in the first line that it
 * prints; `<command> heal` undoes it, also when `start` failed or the run is broken off. Exit code 3 of `start` means that
 * there is nothing to strike just now. QUORATE_FAULT has the fault's number, 1 for the first. The shell runs the command.
 */
export function faultCommand(command: string): Harm {
  let number = 0;
  return {
    name: "fault-command",
    effects: ["leader", "errors", "latency", "down"],
    inject: async () => {
      const own = ++number;
      // Whoever breaks the run off must not be left with the fault.
      const onExit = (): void =>
        void spawnSync("/bin/sh", ["-c", `${command} heal`], { env: variables(own) });
      process.once("exit", onExit);
      const heal = async (): Promise<void> => {
        const { code, line } = await call(command, "heal", own);
        process.off("exit", onExit);
        if (code !== 0) throw new FaultCommandFailed(`${command} heal ended with code ${code}: ${line}`);
      };
      const { code, line } = await call(command, "start", own);
      if (code === 0) return { what: line === "" ? `${command} start` : line, heal };
      if (code === nothingToStrike) {
        process.off("exit", onExit);
        return null;
      }
      await heal().catch(() => {});
      throw new FaultCommandFailed(`${command} start ended with code ${code}: ${line}`);
    },
  };
}

function variables(number: number): NodeJS.ProcessEnv {
  return { ...process.env, QUORATE_FAULT: String(number) };
}

function call(
  command: string,
  what: "start" | "heal",
  number: number,
): Promise<{ readonly code: number; readonly line: string }> {
  return new Promise((resolve) => {
    execFile(
      "/bin/sh",
      ["-c", `${command} ${what}`],
      { env: variables(number), timeout: patienceMs },
      (error, stdout, stderr) => {
        const line = (stdout || stderr).split("\n")[0]!.trim();
        resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, line });
      },
    );
  });
}
