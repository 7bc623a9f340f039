/** Version and kinds of the store's chunks. */
export const chunkVersion = 3;
export const chunkKinds = { head: 1, entries: 2, evicted: 3 } as const;
