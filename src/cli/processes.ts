import { readFileSync } from "node:fs";

/** Whether the process runs and, where the platform can tell, is a node: numbers of ended processes are given out again. */
export function isNodeProcess(pid: number): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return commandLine === "" ? isExiting(pid) : commandLine.split("\0").includes("serve");
  } catch {
    // Either there is no /proc, or the process ended meanwhile, which the next look will tell.
    return process.platform !== "linux";
  }
}

/** Its memory is gone already, but its sockets may be there still; a zombie has nothing left. */
function isExiting(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.charAt(stat.lastIndexOf(")") + 2) !== "Z";
}

const stopPatienceMs = 10_000;
const pollMs = 50;

/** @returns false when some had to be killed. */
export async function stopProcesses(pids: readonly number[]): Promise<boolean> {
  for (const pid of pids) if (isNodeProcess(pid)) process.kill(pid, "SIGTERM");
  const untilMs = performance.now() + stopPatienceMs;
  while (pids.some(isNodeProcess) && performance.now() < untilMs) await sleep(pollMs);
  const left = pids.filter(isNodeProcess);
  for (const pid of left) process.kill(pid, "SIGKILL");
  return left.length === 0;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
