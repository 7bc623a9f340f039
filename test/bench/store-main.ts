/** `make bench-store`: the store in a process of its own beside redis-server and memcached, one after the other. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import typescript from "typescript";
import { Redis } from "./peers.js";
import { freePort, host, residentBytes, Server, sleep, until } from "./processes.js";
import { RespClient } from "./resp-client.js";
import { type Shape, shapes } from "./store-shapes.js";
import { ensureTools, storeTools } from "./tools.js";

const entries = Number(process.env.ENTRIES ?? 5_000_000);
const churnBytes = 150_000_000;
const pipelined = 500;
const settleMs = 1000;

interface ShapeFigures {
  readonly bytes: number;
  readonly charge: number;
  readonly putsPerSecond: number;
}

interface TurnFigures {
  readonly longestMs: number;
  readonly longestCpuMs: number;
  readonly over5Ms: number;
  readonly operations: number;
  readonly elapsedMs: number;
}

interface StallFigures {
  readonly bytes: number;
  readonly charge: number;
  readonly longestFillMs: number;
  readonly quiet: TurnFigures;
  readonly walked: TurnFigures;
  readonly after: TurnFigures;
  readonly snapshotBytes: number;
  readonly gcPauseMs: number;
}

/**
 * The child as plain JavaScript over dist/: a loader within it would hold, and at some time give back, more memory than
 * some rows measure.
 */
function writeChild(folder: string): void {
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  const compiled = new URL("../../dist/", import.meta.url).href;
  for (const name of ["store-child", "store-shapes"]) {
    const source = readFileSync(fileURLToPath(new URL(`${name}.ts`, import.meta.url)), "utf8");
    const { outputText } = typescript.transpileModule(source, {
      compilerOptions: { target: typescript.ScriptTarget.ES2022, module: typescript.ModuleKind.ESNext },
    });
    writeFileSync(join(folder, `${name}.js`), outputText.replaceAll('"../../src/', `"${compiled}`));
  }
}

async function child<T>(folder: string, ...args: readonly string[]): Promise<T> {
  const script = join(folder, "store-child.js");
  // Where bytes are measured the young generation stays small: its growth to tens of MiB is no entry.
  const young = args[0] === "stall" ? [] : ["--max-semi-space-size=1"];
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", ...young, script, ...args]);
  return JSON.parse(stdout) as T;
}

/** Resident bytes per unit that redis-server grows by, from a quarter of the shape on. */
async function redisBytes(shape: Shape, folder: string): Promise<number> {
  const redis = await Redis.start(join(folder, "redis"), false);
  const client = await RespClient.connect(redis.port);
  try {
    const fill = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i += pipelined)
        await client.pipeline(
          Array.from({ length: Math.min(pipelined, to - i) }, (_, n) => shape.command(i + n)),
        );
      await sleep(settleMs);
    };
    const first = shape.count / 4;
    await fill(0, first);
    const before = residentBytes(redis.pids[0]!);
    await fill(first, shape.count);
    return (residentBytes(redis.pids[0]!) - before) / (shape.count - first);
  } finally {
    client.close();
    await redis.stop();
  }
}

/** The same of memcached, for shapes that are plain SETs. */
async function memcachedBytes(shape: Shape): Promise<number> {
  const port = await freePort();
  const user = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
  const server = Server.start("memcached", ["-l", host, "-p", `${port}`, "-U", "0", "-m", "8192", ...user]);
  try {
    await until("memcached", 10_000, () => memcachedCall(port, "version\r\n", "VERSION").then(() => true));
    const fill = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i += pipelined) {
        const commands = Array.from({ length: Math.min(pipelined, to - i) }, (_, n) => {
          const [, key, value] = shape.command(i + n);
          return `set ${key} 0 0 ${value!.length} noreply\r\n${value}\r\n`;
        });
        await memcachedCall(port, `${commands.join("")}version\r\n`, "VERSION");
      }
      await sleep(settleMs);
    };
    const first = shape.count / 4;
    await fill(0, first);
    const before = residentBytes(server.pid);
    await fill(first, shape.count);
    return (residentBytes(server.pid) - before) / (shape.count - first);
  } finally {
    await server.stop();
  }
}

/** Sends and waits for a line that begins so. */
function memcachedCall(port: number, text: string, answer: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => socket.write(text, "latin1"));
    let seen = "";
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      seen += chunk.toString("latin1");
      if (!seen.includes(answer)) return;
      socket.destroy();
      resolve();
    });
  });
}

async function main(): Promise<void> {
  await ensureTools(storeTools);
  const folder = mkdtempSync(join(tmpdir(), "quorate-bench-store-"));
  writeChild(folder);
  const lines: string[] = [];
  const row = (name: string, figure: string): void => {
    lines.push(`bench: ${name}: ${figure}`);
    console.log(lines.at(-1));
  };
  try {
    for (const [index, shape] of shapes.entries()) {
      const ours = await child<ShapeFigures>(folder, "shape", `${index}`);
      const redis = await redisBytes(shape, folder);
      let figure = `${ours.bytes.toFixed(0)} bytes, redis ${redis.toFixed(0)}, ratio ${(ours.bytes / redis).toFixed(2)}x`;
      if (shape.command(0)[0] === "SET") figure += `, memcached ${(await memcachedBytes(shape)).toFixed(0)}`;
      row(`bytes per ${shape.unit}, ${shape.name}`, `${figure}; charged ${ours.charge.toFixed(0)}`);
      row(`puts/s in process, ${shape.name}`, ours.putsPerSecond.toFixed(0));
    }
    const churn = await child<{ phases: { size: number; ratio: number }[] }>(
      folder,
      "churn",
      `${churnBytes}`,
    );
    const ratios = churn.phases.map(({ size, ratio }) => `${size} B ${ratio.toFixed(2)}`).join(", ");
    const worst = Math.max(...churn.phases.map(({ ratio }) => ratio));
    row("RSS / charge while value sizes change, worst", `${worst.toFixed(2)}x (${ratios})`);
    const stall = await child<StallFigures>(folder, "stall", `${entries}`);
    const million = (entries / 1e6).toFixed(1);
    row(
      `RSS / charge at ${million} M entries of 16 + 100 bytes`,
      `${(stall.bytes / stall.charge).toFixed(2)}x`,
    );
    for (const [name, turns] of [
      ["under overwrites", stall.quiet],
      ["under overwrites with a snapshot running", stall.walked],
      ["under overwrites after the snapshot", stall.after],
    ] as const) {
      const rate = (turns.operations / turns.elapsedMs) * 1000;
      row(
        `longest turn at ${million} M entries ${name}`,
        `${turns.longestMs.toFixed(1)} ms, of CPU ${turns.longestCpuMs.toFixed(1)} ms (${turns.over5Ms} above 5 ms; ${rate.toFixed(0)} overwrites/s)`,
      );
    }
    row("longest turn while filling", `${stall.longestFillMs.toFixed(1)} ms`);
    row("longest GC pause", `${stall.gcPauseMs.toFixed(1)} ms`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`\n${lines.join("\n")}`);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
await main();
process.exit(0);
