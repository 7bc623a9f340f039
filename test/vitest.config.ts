import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    environment: "node",
    pool: "forks",
    setupFiles: ["test/properties-setup.ts"],
    // More drawn inputs take more time.
    testTimeout: 30_000 * Math.max(1, Number(process.env.PROPERTY_RUNS ?? 1)),
    hookTimeout: 30_000,
    // A loaded machine is slow; what is waited for comes or never comes.
    expect: { poll: { timeout: 20_000, interval: 10 } },
    passWithNoTests: false,
  },
});
