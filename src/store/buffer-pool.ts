/** All large buffers of the store are of this size, rows and blocks alike. */
export const bufferBytes = 256 * 1024;

/**
 * Buffers that were given back, for any store of the process: what one kind of use no longer needs serves another, so
 * resident memory follows the charge when the sizes of values change. Left to the allocator of the C library,
 * freed buffers of other sizes stay resident besides the new ones. What is taken isn't cleared.
 */
const spare: ArrayBuffer[] = [];

export function takeBuffer(): ArrayBuffer {
  return spare.pop() ?? new ArrayBuffer(bufferBytes);
}

export function giveBuffer(buffer: ArrayBuffer): void {
  spare.push(buffer);
}
