import { mkdirSync, readFileSync, renameSync, rmdirSync, statSync, writeFileSync } from "node:fs";

export interface ClusterFileNode {
  readonly name: string;
  readonly pid: number;
  readonly ports: {
    readonly resp: number;
    readonly grpc: number;
    readonly peer: number;
    readonly http: number;
  };
  readonly data: string;
}

const lockPatienceMs = 2000;
const staleLockMs = 5000;

export function readClusterFile(path: string): readonly ClusterFileNode[] {
  const value = JSON.parse(readFileSync(path, "utf8")) as { nodes: ClusterFileNode[] };
  return value.nodes;
}

export function writeClusterFile(path: string, nodes: readonly ClusterFileNode[]): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify({ nodes }, null, 2)}\n`);
  renameSync(temporary, path);
}

/** Notes the pid of a node that was started by hand; several may do so at once. */
export function notePid(path: string, name: string, pid: number): void {
  const lock = `${path}.lock`;
  acquire(lock);
  try {
    const nodes = readClusterFile(path);
    writeClusterFile(
      path,
      nodes.map((node) => (node.name === name ? { ...node, pid } : node)),
    );
  } finally {
    rmdirSync(lock);
  }
}

function acquire(lock: string): void {
  const until = Date.now() + lockPatienceMs;
  for (;;) {
    try {
      mkdirSync(lock);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      removeStale(lock);
      if (Date.now() > until) throw new Error(`${lock} is held by another process`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

/** Whoever held it died. */
function removeStale(lock: string): void {
  try {
    if (Date.now() - statSync(lock).mtimeMs > staleLockMs) rmdirSync(lock);
  } catch {
    // Another process removed it first.
  }
}
