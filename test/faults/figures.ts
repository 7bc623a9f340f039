/** Tells what a run measured. */
export function figures(what: string, values: Readonly<Record<string, unknown>>): void {
  const lines = Object.entries(values).map(([name, value]) => `  ${name}: ${text(value)}`);
  process.stdout.write(`${what}\n${lines.join("\n")}\n`);
}

function text(value: unknown): string {
  if (!Array.isArray(value) || value.length === 0) return String(value);
  const sorted = value.map(Number).sort((a, b) => a - b);
  const at = (share: number): number => Math.round(sorted[Math.floor(share * (sorted.length - 1))]!);
  return `min ${at(0)}, median ${at(0.5)}, max ${at(1)} of ${sorted.length}`;
}
