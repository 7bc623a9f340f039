import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "./processes.js";

interface Tool {
  readonly binary: string;
  readonly debianPackage: string;
}

/** What `make bench-store` runs, by Debian package. */
export const storeTools: readonly Tool[] = [
  { binary: "redis-server", debianPackage: "redis-server" },
  { binary: "memcached", debianPackage: "memcached" },
];

/** What `make bench` runs. */
const tools: readonly Tool[] = [
  { binary: "redis-server", debianPackage: "redis-server" },
  { binary: "redis-benchmark", debianPackage: "redis-tools" },
  { binary: "etcd", debianPackage: "etcd-server" },
  { binary: "h2load", debianPackage: "nghttp2-client" },
];

function missing(wanted: readonly Tool[]): readonly Tool[] {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return wanted.filter(({ binary }) => !folders.some((folder) => existsSync(join(folder, binary))));
}

/** Installs what is missing where that is possible; throws with the command to type otherwise. */
export async function ensureTools(wanted = tools): Promise<void> {
  const lacking = missing(wanted);
  if (lacking.length === 0) return;
  const packages = lacking.map(({ debianPackage }) => debianPackage);
  const command = `apt-get install --yes --no-install-recommends ${packages.join(" ")}`;
  const hint = `the bench needs ${lacking.map(({ binary }) => binary).join(", ")}. On Debian: sudo ${command}`;
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) throw new Error(hint);
  console.log(`installing ${packages.join(", ")}`);
  try {
    await run("apt-get", ["update", "--quiet"]);
    // Only the programs: a package's own service must not be started.
    await run("env", ["DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", ...command.split(" ")]);
  } catch (error) {
    throw new Error(`${hint}\n${error instanceof Error ? error.message : String(error)}`);
  }
  if (missing(wanted).length > 0) throw new Error(hint);
}
