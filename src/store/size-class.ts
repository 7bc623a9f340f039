/**
 * Block sizes in steps of an eighth of a power of two, from 16 bytes: rounding up wastes at most an eighth. The
 * charge of an entry uses the same rounding, so it depends on lengths alone and follows what memory really holds.
 */
const smallestBlockBytes = 16;

/** Index, deadline heap and policy data of one entry, in bytes; room for a deadline is always counted. */
const entryOverheadBytes = 96;

/** The class of a block that holds `length` bytes; classes are numbered by rising size. */
export function sizeClassOf(length: number): number {
  if (length <= smallestBlockBytes) return 0;
  const top = 31 - Math.clz32(length - 1);
  const step = top - 3;
  return (top - 4) * 8 + ((length - 1) >>> step) - 7;
}

/** Bytes per class, up to blocks of 1 GiB. */
const bytesPerClass = new Uint32Array(8 * 26 + 1);
bytesPerClass[0] = smallestBlockBytes;
for (let i = 1; i < bytesPerClass.length; i++) bytesPerClass[i] = (9 + ((i - 1) & 7)) << (1 + ((i - 1) >> 3));

/** Bytes of a block of a class. */
export function classBytes(sizeClass: number): number {
  return bytesPerClass[sizeClass]!;
}

/** What an entry with `length` bytes of key and value is charged. */
export function entryCharge(length: number): number {
  return entryOverheadBytes + classBytes(sizeClassOf(length));
}
