// Adds up the parts of a test run and judges them; the last line is "N passed, N failed".
// Usage: node count.mjs <folder> <part>...; a part left <part>.json (vitest's report) and <part>.exit (its exit code).
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Lines that say what is wrong; each counts as a failure. */
function judge(folder, part) {
  const path = join(folder, `${part}.json`);
  if (!existsSync(path)) return { passed: 0, failures: [`${part} tests: vitest wrote no report`] };
  let passed = 0;
  const failures = [];
  for (const { name, status, message, assertionResults } of JSON.parse(readFileSync(path, "utf8"))
    .testResults) {
    const before = failures.length;
    for (const test of assertionResults) {
      if (test.status === "passed") passed++;
      else failures.push(`${test.status}: ${name}: ${test.fullName}`);
    }
    // An import or a hook broke: the file failed without a failed test.
    if (status !== "passed" && failures.length === before) failures.push(`${status}: ${name}: ${message}`);
  }
  if (passed === 0 && failures.length === 0) failures.push(`${part} tests: none ran`);
  // Errors that belong to no test, such as an unhandled rejection, show in the exit code alone.
  const exit = readFileSync(join(folder, `${part}.exit`), "utf8").trim();
  if (exit !== "0" && failures.length === 0) failures.push(`${part} tests: vitest ended with ${exit}`);
  return { passed, failures };
}

const [folder, ...parts] = process.argv.slice(2);
const results = parts.map((part) => judge(folder, part));
const failures = results.flatMap((result) => result.failures);
for (const failure of failures) console.log(failure);
console.log(`${results.reduce((sum, { passed }) => sum + passed, 0)} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;
