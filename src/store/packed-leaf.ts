import type { Layout, PackedElement, Target } from "./element-layout.js";

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
  let index = 0;
  let at = start;
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

/** Offset of element `index` from `start`. */
export function skipPacked(
  bytes: Uint8Array,
  start: number,
  layout: Layout,
  index: number,
  element: PackedElement,
): number {
  let at = start;
  for (let i = 0; i < index; i++) {
    element.read(bytes, at, layout);
    at = element.end;
  }
  return at - start;
}
