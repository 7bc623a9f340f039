import { Level } from "level";

export type DatabaseChange =
  | { readonly type: "put"; readonly key: string; readonly value: Uint8Array }
  | { readonly type: "del"; readonly key: string };

/** The little that the log needs of a key-value store: atomic batches, ordered reading. */
export interface LogDatabase {
  open(): Promise<void>;
  close(): Promise<void>;
  /** All or nothing; with `sync` on disk when it resolves. */
  batch(changes: DatabaseChange[], sync: boolean): Promise<void>;
  get(key: string): Promise<Uint8Array | undefined>;
  /** Visits keys of [from, to) in order until `visit` says false. */
  scan(from: string, to: string, visit: (key: string, value: Uint8Array) => boolean): Promise<void>;
  /** Removes the keys of [from, to), not atomically. */
  clear(from: string, to: string): Promise<void>;
}

/** What one call into LevelDB may return when scanning. */
const scanCount = 256;
const scanBytes = 256 * 1024;

export function openLevel(location: string): LogDatabase {
  const level = new Level<string, Uint8Array>(location, {
    keyEncoding: "utf8",
    valueEncoding: "view",
    // Records are read once, at boot, and values are mostly compressed by their clients or small.
    compression: false,
    cacheSize: 1024 * 1024,
  });
  return {
    open: () => level.open(),
    close: () => level.close(),
    batch: (changes, sync) => level.batch(changes, { sync }),
    clear: (from, to) => level.clear({ gte: from, lt: to }),
    async get(key) {
      const value = (await level.get(key)) as Uint8Array | undefined;
      return value && plain(value);
    },
    async scan(from, to, visit) {
      const iterator = level.iterator({ gte: from, lt: to, highWaterMarkBytes: scanBytes });
      try {
        for (;;) {
          const found = await iterator.nextv(scanCount);
          if (found.length === 0) return;
          for (const [key, value] of found) if (!visit(key, plain(value))) return;
        }
      } finally {
        await iterator.close();
      }
    },
  };
}

/** LevelDB's values are Buffers, whose `slice` shares memory where that of a Uint8Array copies. */
function plain(value: Uint8Array): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}
