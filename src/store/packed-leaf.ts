import { varintBytes } from "./charge.js";
import {
  hashPart,
  int32,
  type Layout,
  layouts,
  type PackedElement,
  scorePart,
  type Target,
  valuePart,
} from "./element-layout.js";

/** Where a search in packed bytes ended; reused. */
export class PackedPlace {
  /** Elements before it. */
  index = 0;
  /** Its offset in the packed bytes. */
  at = 0;
  /** Whether an element equal to the target is there; `element` of the search is it then. */
  found = false;
}

/** Finds the first element that isn't below the target in the sorted elements from `start` to `end`. */
export function searchPacked(
  bytes: Uint8Array,
  start: number,
  end: number,
  layout: Layout,
  target: Target,
  element: PackedElement,
  place: PackedPlace,
): void {
  place.index = 0;
  place.at = start;
  if (!target.bytesOnly) {
    if ((layout & hashPart) !== 0) passLowerHashes(bytes, end, layout, target.key, place);
    else passLowerScores(bytes, end, target.key, place);
  }
  let { index, at } = place;
  let sign = 1;
  while (at < end) {
    element.read(bytes, at, layout);
    sign = target.compare(element, bytes, layout);
    if (sign >= 0) break;
    at = element.end;
    index++;
  }
  place.index = index;
  place.at = at - start;
  place.found = at < end && sign === 0;
}

// Most elements that a search passes differ from the target in their keys: of these no more is read than that takes.

function passLowerHashes(
  bytes: Uint8Array,
  end: number,
  layout: Layout,
  hash: number,
  place: PackedPlace,
): void {
  const toMember = bytesBeforeMember(layout);
  const hasValue = (layout & valuePart) !== 0;
  let { index, at } = place;
  for (; at < end; index++) {
    if (int32(bytes, at) >>> 0 >= hash) break;
    at = behindBlock(bytes, at + toMember);
    if (hasValue) at = behindBlock(bytes, at);
  }
  place.index = index;
  place.at = at;
}

const double = new DataView(new ArrayBuffer(8));

/** Doubles have the order of their bits as signed integers, once those of negative ones, but the sign, are inverted. */
function passLowerScores(bytes: Uint8Array, end: number, score: number, place: PackedPlace): void {
  const toMember = bytesBeforeMember(layouts.scores);
  // Adding 0 makes 0 of -0.
  double.setFloat64(0, score + 0);
  const targetBits = double.getInt32(0);
  const targetFlip = targetBits >> 31;
  const targetHigh = targetBits ^ (targetFlip & 0x7fff_ffff);
  const targetLow = (double.getInt32(4) ^ targetFlip) >>> 0;
  let { index, at } = place;
  for (; at < end; index++) {
    const bits = int32(bytes, at + 4);
    const flip = bits >> 31;
    const high = bits ^ (flip & 0x7fff_ffff);
    // -1 are the high bits of -0, which isn't below 0.
    if (high > targetHigh || high === -1) break;
    if (high === targetHigh && (int32(bytes, at) ^ flip) >>> 0 >= targetLow) break;
    at = behindBlock(bytes, at + toMember);
  }
  place.index = index;
  place.at = at;
}

function bytesBeforeMember(layout: Layout): number {
  return ((layout & hashPart) === 0 ? 0 : 4) + ((layout & scorePart) === 0 ? 0 : 8);
}

/** Where the bytes end whose length stands at `at`. */
function behindBlock(bytes: Uint8Array, at: number): number {
  const length = bytes[at]!;
  return length < 0x80 ? at + 1 + length : behindLongBlock(bytes, at);
}

function behindLongBlock(bytes: Uint8Array, start: number): number {
  let at = start;
  let length = 0;
  for (let scale = 1; ; scale *= 0x80) {
    const byte = bytes[at++]!;
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) return at + length;
  }
}

/** Offset of element `index` from `start`. */
export function skipPacked(bytes: Uint8Array, start: number, layout: Layout, index: number): number {
  const toMember = bytesBeforeMember(layout);
  const hasValue = (layout & valuePart) !== 0;
  let at = start;
  for (let i = 0; i < index; i++) {
    at = behindBlock(bytes, at + toMember);
    if (hasValue) at = behindBlock(bytes, at);
  }
  return at - start;
}

/** Offset from `start` of a member's element in a sorted set of `count`; -1 when it isn't there. */
export function findMember(
  bytes: Uint8Array,
  start: number,
  count: number,
  member: Uint8Array,
  memberStart: number,
  memberEnd: number,
): number {
  const length = memberEnd - memberStart;
  const blockLength = varintBytes(length) + length;
  const toMember = bytesBeforeMember(layouts.scores);
  let at = start;
  for (let left = count; left > 0; left--) {
    const end = behindBlock(bytes, at + toMember);
    if (end - at - toMember === blockLength) {
      const memberAt = end - length;
      let i = 0;
      while (i < length && bytes[memberAt + i] === member[memberStart + i]) i++;
      if (i === length) return at - start;
    }
    at = end;
  }
  return -1;
}
