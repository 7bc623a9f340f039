import { readFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { limits } from "../base/limits.js";
import { err, ok, type Result } from "../base/result.js";
import { machineMemoryBytes } from "../runtime/machine.js";
import { policyNames } from "../store/eviction/policies.js";

const units: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1000,
  kb: 1024,
  m: 1e6,
  mb: 1024 ** 2,
  g: 1e9,
  gb: 1024 ** 3,
};

/** "64mb", "1gb", 1048576: as redis.conf spells sizes. */
const sizeText = "must be a size such as 64mb, 1gb or a number of bytes";
const size = z.union([z.number(), z.string()], { error: sizeText }).transform((value, context) => {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(String(value).trim());
  const unit = match === null ? undefined : units[match[2]!.toLowerCase()];
  if (match === null || unit === undefined) {
    context.addIssue({ code: "custom", message: sizeText });
    return z.NEVER;
  }
  return Math.floor(Number(match[1]) * unit);
});

/** From YAML a number, from flags and the environment its digits. */
function number(min: number, max: number, text: string) {
  const digits = z
    .string()
    .regex(/^\d+(\.\d+)?$/, text)
    .transform(Number);
  return z.union([z.number(), digits], { error: text }).pipe(z.number().min(min, text).max(max, text));
}
function whole(min: number, max: number, what: string) {
  const text = `must be ${what}, ${min} to ${max}`;
  return number(min, max, text).pipe(z.number().int(text));
}
function choice<const Choices extends readonly [string, ...string[]]>(choices: Choices) {
  return z.enum(choices, { error: `must be ${choices.join(" or ")}` });
}
function text(missing: string) {
  return z.string({ error: missing }).min(1, missing);
}

const port = whole(1, 65_535, "a port");
const nameText = "is needed: 1 to 64 letters, digits, dots, dashes or underscores";
const initialText = "is needed: peer addresses of all first nodes, as host:port,host:port,...";
const hostPort = /^[^\s:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/;
const address = z.string({ error: initialText }).regex(hostPort, "must be host:port, host:port, ...");
const list = z.union(
  [z.array(z.string()), z.string().transform((all) => all.split(",").map((each) => each.trim()))],
  { error: initialText },
);

const routesText = "must be announced=reached pairs of host:port, such as node-2:7202=10.0.0.2:7202,...";
/** As pairs of the announced address and the one to dial. */
const routes = list.transform((all, context) =>
  all
    .filter((each) => each !== "")
    .map((each) => {
      const [announced = "", reached = "", ...rest] = each.split("=");
      if (rest.length > 0 || !hostPort.test(announced) || !hostPort.test(reached))
        context.addIssue({ code: "custom", message: routesText });
      return [announced, reached] as const;
    }),
);

const schema = z.strictObject({
  name: z.string({ error: nameText }).regex(/^[A-Za-z0-9_.-]{1,64}$/, nameText),
  data: text("is needed: a folder for the log, snapshots and identity"),
  host: text("must be an address").default("127.0.0.1"),
  /** Name or address that others reach this node by. */
  advertise: text("must be a name or an address").optional(),
  respPort: port.default(7001),
  grpcPort: port.default(7101),
  peerPort: port.default(7201),
  httpPort: port.default(7301),
  initial: list.pipe(z.array(address).min(1, initialText)),
  /** Where the other nodes are dialled instead of the peer address that they announce: behind NAT, or a proxy. */
  natMap: routes.default([]),
  ranges: whole(1, 16_384, "a whole number").default(limits.ranges),
  replicas: whole(1, 9, "a whole number").default(limits.replicationFactor),
  durability: choice(["fsync", "buffered"]).default("fsync"),
  reads: choice(["lease", "quorum"]).default("lease"),
  maxmemory: size
    .refine((value) => value >= 1024 ** 2, "must be at least 1mb")
    .default(Math.floor(machineMemoryBytes() / 2)),
  /** The cluster's policy when it has none yet; later CONFIG SET. */
  maxmemoryPolicy: choice(policyNames).default("noeviction"),
  maxValue: size
    .refine((value) => value >= 1 && value <= limits.maxValueBytes, "must be 1 to 512mb")
    .default(limits.valueBytes),
  logLimit: size.refine((value) => value >= 64 * 1024, "must be at least 64kb").default(limits.logBytes),
  domain: z.string().min(1).max(64).optional(),
  capacity: number(Number.MIN_VALUE, 1024, "must be a number above 0, at most 1024").default(1),
  logLevel: choice(["debug", "info", "warn", "error", "silent"]).default("info"),
  logFile: text("must be a file").optional(),
  /** A `cluster.json` to note this process's pid in. */
  clusterFile: text("must be a file").optional(),
});

/** A checked configuration of one node; sizes in bytes, paths absolute. */
export type ServeConfig = z.output<typeof schema>;
export const settingNames = Object.keys(schema.shape) as readonly (keyof ServeConfig)[];

/** The flag of a setting: maxValue is --max-value. */
export function flagOf(setting: string): string {
  return `--${setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
/** The environment variable of a setting: maxValue is QUORATE_MAX_VALUE. */
export function variableOf(setting: string): string {
  return `QUORATE_${setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** Flags win over the environment, the environment over the file. */
export function loadConfig(
  file: string | null,
  environment: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Record<string, unknown>>,
): Result<ServeConfig, string> {
  let base = process.cwd();
  let fromFile: Record<string, unknown> = {};
  if (file !== null) {
    const read = readYaml(file);
    if (!read.ok) return read;
    fromFile = read.value;
    base = resolve(file, "..");
  }
  const merged: Record<string, unknown> = { ...fromFile };
  for (const name of settingNames) {
    const fromEnvironment = environment[variableOf(name)];
    if (fromEnvironment !== undefined) merged[name] = fromEnvironment;
    if (flags[name] !== undefined) merged[name] = flags[name];
  }
  const parsed = schema.safeParse(merged);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => {
      if (issue.code === "unrecognized_keys") return `${issue.keys.join(", ")}: no such setting`;
      return `${String(issue.path[0])} (${flagOf(String(issue.path[0]))}): ${issue.message}`;
    });
    return err(`the configuration is not valid:\n  ${[...new Set(lines)].join("\n  ")}`);
  }
  const absolute = (path: string): string => (isAbsolute(path) ? path : join(base, path));
  const config = parsed.data;
  return ok({
    ...config,
    data: absolute(config.data),
    ...(config.logFile === undefined ? {} : { logFile: absolute(config.logFile) }),
    ...(config.clusterFile === undefined ? {} : { clusterFile: absolute(config.clusterFile) }),
  });
}

function readYaml(file: string): Result<Record<string, unknown>, string> {
  try {
    const value: unknown = parse(readFileSync(file, "utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return ok(value as Record<string, unknown>);
    return err(`${file}: must hold settings, one per line, such as "name: node-1"`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return err(`${file}: there is no such file`);
    return err(`${file}: ${error instanceof Error ? error.message.trim() : String(error)}`);
  }
}
