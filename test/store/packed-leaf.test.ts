import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteWriter, compareBytes, latin1Bytes } from "../../src/base/bytes.js";
import { layouts, PackedElement, Target, writeElement } from "../../src/store/element-layout.js";
import { findMember, PackedPlace, searchPacked, skipPacked } from "../../src/store/packed-leaf.js";
import { runs } from "../properties.js";

/** Searches in one run of packed elements, against what plain comparisons say. */

interface Element {
  readonly key: number;
  readonly member: string;
}

/** Close ones, whose bits differ in the lower or the upper half only, signs, zeros, and what isn't finite. */
const score = fc.oneof(
  fc.constantFrom(
    0,
    -0,
    1,
    -1,
    5e-324,
    -5e-324,
    1e300,
    -1e300,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ),
  fc.integer({ min: -3, max: 3 }),
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_010 }),
  fc.double({ noNaN: true }),
);
const hash = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 0xffff_ffff }));
const member = fc.oneof(
  fc.string({ maxLength: 3, unit: fc.constantFrom("a", "b", "\xff") }),
  fc.string({ minLength: 126, maxLength: 130, unit: "binary-ascii" }),
);

function compare(a: Element, b: Element): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return compareBytes(latin1Bytes(a.member), latin1Bytes(b.member));
}

function pack(elements: readonly Element[], layout: number): { bytes: Uint8Array; offsets: number[] } {
  const out = new ByteWriter();
  const one = new ByteWriter();
  const offsets: number[] = [];
  // Not at the buffer's beginning.
  out.u8(7);
  for (const { key, member } of elements) {
    offsets.push(out.length);
    const bytes = latin1Bytes(member);
    const value = latin1Bytes(`${member}'s value`);
    writeElement(one, layout, key, key, bytes, 0, bytes.length, value, 0, value.length);
    out.copy(one.bytes, 0, one.length);
  }
  offsets.push(out.length);
  return { bytes: out.take(), offsets };
}

function unique(elements: readonly Element[]): Element[] {
  const sorted = [...elements].sort(compare);
  return sorted.filter((each, i) => i === 0 || compare(sorted[i - 1]!, each) !== 0);
}

for (const [name, layout, key] of [
  ["scores", layouts.scores, score],
  ["set", layouts.set, hash],
  ["hash", layouts.hash, hash],
  ["members", layouts.members, hash],
] as const) {
  const element = fc.record({ key, member });
  test(`a search in ${name} ends at the first element that isn't below its target`, () => {
    fc.assert(
      fc.property(
        fc.array(element, { maxLength: 30 }),
        fc.array(element, { maxLength: 10 }),
        (some, sought) => {
          const elements = unique(some);
          const { bytes, offsets } = pack(elements, layout);
          const target = new Target();
          const found = new PackedElement();
          const place = new PackedPlace();
          const search = (): void => searchPacked(bytes, 1, bytes.length, layout, target, found, place);
          const isPlace = (index: number): void => {
            expect([place.index, place.at]).toEqual([index, offsets[index]! - 1]);
            expect(skipPacked(bytes, 1, layout, index)).toBe(place.at);
          };
          for (const each of [...elements, ...sought]) {
            const own = latin1Bytes(each.member);
            target.element(each.key, own, 0, own.length);
            search();
            const below = elements.filter((other) => compare(other, each) < 0).length;
            isPlace(below);
            const hit = elements[below];
            expect(place.found).toBe(hit !== undefined && compare(hit, each) === 0);
            if (place.found) expect(found.memberLength).toBe(own.length);
            for (const orEqual of [false, true]) {
              target.boundary(each.key, orEqual);
              search();
              isPlace(
                elements.filter((other) => other.key < each.key || (orEqual && other.key === each.key))
                  .length,
              );
            }
          }
        },
      ),
      { numRuns: runs(300) },
    );
  });
}

test("a member of a sorted set is found whatever its score", () => {
  const element = fc.record({ key: score, member });
  fc.assert(
    fc.property(fc.array(element, { maxLength: 20 }), member, (some, other) => {
      const elements = unique(some).filter(
        (each, i, all) => all.findIndex(({ member }) => member === each.member) === i,
      );
      const { bytes, offsets } = pack(elements, layouts.scores);
      for (const sought of [...elements.map(({ member }) => member), other]) {
        const own = latin1Bytes(sought);
        const index = elements.findIndex(({ member }) => member === sought);
        expect(findMember(bytes, 1, elements.length, own, 0, own.length)).toBe(
          index < 0 ? -1 : offsets[index]! - 1,
        );
      }
    }),
    { numRuns: runs(300) },
  );
});
