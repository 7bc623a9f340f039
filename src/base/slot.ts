import { crc16 } from "./crc.js";
import type { Slot } from "./units.js";

export const slotCount = 16384;

/** Redis Cluster's slot of a key: CRC16 of the key, or of its first non-empty {hash tag}. */
export function slotOf(bytes: Uint8Array, start = 0, end = bytes.length): Slot {
  for (let open = start; open < end; open++) {
    if (bytes[open] !== 0x7b) continue;
    for (let close = open + 1; close < end; close++) {
      if (bytes[close] !== 0x7d) continue;
      if (close > open + 1) return crc16(bytes, open + 1, close) & 0x3fff;
      break;
    }
    break;
  }
  return crc16(bytes, start, end) & 0x3fff;
}
