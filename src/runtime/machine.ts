import { readFileSync } from "node:fs";
import { totalmem } from "node:os";

/**
 * Names this start of the machine: another one means that unsynced writes may be gone. Empty where the platform
 * has none.
 */
export function readBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

/** Memory that this process may use: the machine's, or less by its control group. */
export function machineMemoryBytes(): number {
  const constrained = process.constrainedMemory();
  const total = totalmem();
  return constrained !== undefined && constrained > 0 && constrained < total ? constrained : total;
}
