import { mkdirSync } from "node:fs";
import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { utf8Bytes } from "../base/bytes.js";
import { crc32c } from "../base/crc.js";
import type { Identity, IdentityStore } from "../ports/identity.js";
import type { StorageError } from "../ports/log-storage.js";
import { syncFolder } from "./log-folder.js";
import { settle } from "./settle.js";
import { storageError } from "./storage-error.js";

const formatVersion = 1;

/** `identity.json` in `folder`: readable by people, with a checksum of its own, replaced by rename. */
export function createIdentityFile(options: { readonly folder: string }): IdentityStore {
  const { folder } = options;
  const file = join(folder, "identity.json");
  /** Saves and loads run one after the other, so that the last save wins. */
  let last: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  }

  return {
    load(done: (error: StorageError | null, identity: Identity | null) => void): void {
      settle(
        inTurn(() => load(file)),
        (identity) => done(null, identity),
        (error) => done(storageError(error, `${file} can't be read`), null),
      );
    },
    save(identity: Identity, done: (error: StorageError | null) => void): void {
      settle(
        inTurn(() => save(folder, file, identity)),
        () => done(null),
        (error) => done(storageError(error, `${file} can't be written`)),
      );
    },
  };
}

async function load(file: string): Promise<Identity | null> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
  return parse(text);
}

async function save(folder: string, file: string, identity: Identity): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const temporary = `${file}.tmp`;
  const handle = await open(temporary, "w");
  try {
    await handle.writeFile(format(identity));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  syncFolder(folder);
}

function format(identity: Identity): string {
  const { nodeId, clusterId, document, started } = identity;
  const body = { version: formatVersion, nodeId, clusterId, document, started };
  return `${JSON.stringify({ ...body, crc32c: checksum(body) }, null, 2)}\n`;
}

function checksum(body: object): number {
  return crc32c(utf8Bytes(JSON.stringify(body)));
}

function parse(text: string): Identity {
  const damaged = "it is damaged: restore it from a copy, or remove the node's data folder and join anew";
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error(damaged);
  }
  if (typeof parsed !== "object" || parsed === null) throw new Error(damaged);
  const { version, nodeId, clusterId, document, started, crc32c: stored } = parsed as Record<string, unknown>;
  const body = { version, nodeId, clusterId, document, started };
  if (stored !== checksum(body)) throw new Error(damaged);
  if (version !== formatVersion) throw new Error(`its version ${String(version)} isn't known here`);
  if (typeof nodeId !== "number" || !Number.isSafeInteger(nodeId) || nodeId <= 0) throw new Error(damaged);
  if (typeof clusterId !== "string" || typeof started !== "boolean") throw new Error(damaged);
  if (document !== null && typeof document !== "string") throw new Error(damaged);
  return { nodeId, clusterId, document, started };
}
