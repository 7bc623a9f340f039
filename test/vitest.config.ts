import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    environment: "node",
    pool: "forks",
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A loaded machine is slow; what is waited for comes or never comes.
    expect: { poll: { timeout: 20_000, interval: 10 } },
    passWithNoTests: false,
  },
});
