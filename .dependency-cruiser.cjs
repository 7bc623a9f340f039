// The layer table of src/ARCHITECTURE.md, as rules: arrows only point down.
const layers = {
  base: [],
  raft: ["base"],
  store: ["base"],
  commands: ["base", "store"],
  machine: ["base", "store", "commands"],
  placement: ["base"],
  ports: ["base", "raft", "store", "commands", "machine", "placement"],
  node: ["base", "ports", "raft", "store", "commands", "machine", "placement"],
  storage: ["base", "ports", "raft"],
  transport: ["base", "ports", "raft"],
  runtime: ["base", "ports"],
  telemetry: ["base", "ports", "commands"],
  "edge/grpc": ["base", "ports", "store", "commands", "node"],
  "edge/resp": ["base", "ports", "store", "commands", "node"],
  "edge/http": ["base", "ports", "store", "commands", "node"],
  client: ["base", "store", "commands"],
};
const packages = {
  storage: ["level", "msgpackr"],
  transport: ["@grpc/grpc-js", "@grpc/proto-loader"],
  telemetry: ["pino", "prom-client"],
  "edge/grpc": ["@grpc/grpc-js", "@grpc/proto-loader", "@grpc/reflection", "grpc-health-check"],
  client: ["@grpc/grpc-js", "@grpc/proto-loader", "msgpackr"],
};
const nodeBuiltins = [
  "storage",
  "transport",
  "runtime",
  "telemetry",
  "edge/grpc",
  "edge/resp",
  "edge/http",
  "client",
];

const rules = Object.entries(layers).map(([layer, allowed]) => ({
  name: `layer-${layer.replace("/", "-")}`,
  comment: `${layer}/ imports only itself and ${allowed.join(", ") || "nothing"}`,
  severity: "error",
  from: { path: `^src/${layer}/` },
  to: {
    path: "^src/",
    pathNot: [layer, ...allowed].map((name) => `^src/${name}/`),
  },
}));
const packageRules = Object.keys(layers).map((layer) => ({
  name: `packages-${layer.replace("/", "-")}`,
  severity: "error",
  from: { path: `^src/${layer}/` },
  to: {
    dependencyTypes: ["npm", "npm-dev", "npm-no-pkg", "npm-unknown"],
    pathNot: (packages[layer] ?? []).map((name) => `node_modules/${name}/`).concat("^$"),
  },
}));
const coreRules = Object.keys(layers)
  .filter((layer) => !nodeBuiltins.includes(layer))
  .map((layer) => ({
    name: `no-node-builtins-${layer}`,
    severity: "error",
    from: { path: `^src/${layer}/` },
    to: { dependencyTypes: ["core"] },
  }));

module.exports = {
  forbidden: [
    {
      name: "no-circular",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "not-resolvable",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "jepsen-like-checker",
      comment: "jepsen-like/checker/ is pure: it imports only itself and base",
      severity: "error",
      from: { path: "^jepsen-like/checker/" },
      to: { pathNot: "^(jepsen-like/checker|src/base|dist/base)/" },
    },
    {
      name: "jepsen-like-history",
      comment: "jepsen-like/history/ is pure: it imports only itself and the checker",
      severity: "error",
      from: { path: "^jepsen-like/history/" },
      to: { pathNot: "^jepsen-like/(checker|history)/" },
    },
    {
      name: "src-knows-no-jepsen-like",
      comment: "the command line looks for dist/jepsen-like at run time and never imports it",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^jepsen-like/" },
    },
    ...rules,
    ...packageRules,
    ...coreRules,
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: {
      extensions: [".ts", ".js"],
      conditionNames: ["import", "require", "node", "default"],
    },
  },
};
