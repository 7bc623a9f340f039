/**
 * Block sizes: multiples of 8 up to 128 bytes, then steps of an eighth of a power of two, which waste at most an
 * eighth. The charge of an entry uses the same rounding, so it depends on lengths alone and follows what memory
 * really holds.
 */
const smallestBlockBytes = 16;
const finestClasses = 15;

/** The class of a block that holds `length` bytes; classes are numbered by rising size. */
export function sizeClassOf(length: number): number {
  if (length <= 128) return length <= smallestBlockBytes ? 0 : ((length + 7) >> 3) - 2;
  const top = 31 - Math.clz32(length - 1);
  return finestClasses - 1 + (top - 7) * 8 + ((length - 1) >>> (top - 3)) - 7;
}

/** Bytes per class, up to blocks of 1 GiB. */
const bytesPerClass = new Uint32Array(finestClasses + 8 * 23);
for (let i = 0; i < bytesPerClass.length; i++) {
  const coarse = i - finestClasses;
  bytesPerClass[i] = coarse < 0 ? (i + 2) * 8 : (9 + (coarse & 7)) << (4 + (coarse >> 3));
}

/** Bytes of a block of a class. */
export function classBytes(sizeClass: number): number {
  return bytesPerClass[sizeClass]!;
}
