/** CRC16-CCITT (XMODEM), as Redis Cluster uses it for slots. */
const crc16Table = new Uint16Array(256);
/** CRC32C (Castagnoli), reflected: table k, from entry 256 k on, is a byte that k more bytes follow. */
const crc32cTable = new Uint32Array(4 * 256);
for (let i = 0; i < 256; i++) {
  let crc16 = i << 8;
  let crc32 = i;
  for (let bit = 0; bit < 8; bit++) {
    crc16 = crc16 & 0x8000 ? (crc16 << 1) ^ 0x1021 : crc16 << 1;
    crc32 = crc32 & 1 ? (crc32 >>> 1) ^ 0x82f6_3b78 : crc32 >>> 1;
  }
  crc16Table[i] = crc16;
  crc32cTable[i] = crc32;
}
for (let i = 256; i < crc32cTable.length; i++) {
  const before = crc32cTable[i - 256]!;
  crc32cTable[i] = crc32cTable[before & 0xff]! ^ (before >>> 8);
}

export function crc16(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0;
  for (let i = start; i < end; i++) crc = ((crc << 8) & 0xffff) ^ crc16Table[(crc >> 8) ^ bytes[i]!]!;
  return crc;
}

/**
 * CRC32C of a part of `bytes`, continuing from `seed` (the CRC of what came before; 0 at the start). Four bytes a step
 * ("slicing by 4", Kounavis and Berry 2005): every log record and snapshot passes through here.
 */
export function crc32c(bytes: Uint8Array, seed = 0, start = 0, end = bytes.length): number {
  const table = crc32cTable;
  let crc = ~seed;
  let i = start;
  for (const whole = end - 3; i < whole; i += 4) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc =
      table[768 + (crc & 0xff)]! ^
      table[512 + ((crc >>> 8) & 0xff)]! ^
      table[256 + ((crc >>> 16) & 0xff)]! ^
      table[crc >>> 24]!;
  }
  for (; i < end; i++) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
