/** Elements have numbers, head first. */
export interface Deque {
  readonly elements: readonly number[];
  /** Two polynomials over the elements: equal for equal lists, and for others by a chance of about 2^-60. */
  readonly sums: readonly [number, number];
}

/** Keeps the sums: of each element's mix, times a factor to the power of its place. */
export class Deques {
  private readonly powers: readonly [Uint32Array, Uint32Array];

  readonly empty: Deque = { elements: [], sums: [0, 0] };

  /** @param most The longest that a list becomes. */
  constructor(most: number) {
    this.powers = [powersOf(factors[0], most + 1), powersOf(factors[1], most + 1)];
  }

  pushed({ elements, sums }: Deque, element: number): Deque {
    return { elements: [...elements, element], sums: this.with(sums, element, elements.length, 1) };
  }

  rpopped({ elements, sums }: Deque): Deque {
    const at = elements.length - 1;
    return { elements: elements.slice(0, -1), sums: this.with(sums, elements[at]!, at, -1) };
  }

  unshifted({ elements, sums: [first, second] }: Deque, element: number): Deque {
    const moved = [Math.imul(first, factors[0]), Math.imul(second, factors[1])] as const;
    return { elements: [element, ...elements], sums: this.with(moved, element, 0, 1) };
  }

  popped({ elements, sums }: Deque): Deque {
    const [first, second] = this.with(sums, elements[0]!, 0, -1);
    return {
      elements: elements.slice(1),
      sums: [Math.imul(first, inverses[0]), Math.imul(second, inverses[1])],
    };
  }

  private with(
    [first, second]: readonly [number, number],
    element: number,
    at: number,
    sign: 1 | -1,
  ): readonly [number, number] {
    const [a, b] = [this.powers[0][at]!, this.powers[1][at]!];
    return [
      (first + sign * Math.imul(mix(element, 0x21f0aaad), a)) | 0,
      (second + sign * Math.imul(mix(element, 0x6c62272f), b)) | 0,
    ];
  }
}

/** Odd, so that they have inverses modulo 2^32. */
const factors = [0x01000193, 0x5bd1e995] as const;
const inverses = [inverseOf(factors[0]), inverseOf(factors[1])] as const;

function inverseOf(odd: number): number {
  let inverse = odd;
  // Each round doubles the number of right bits, of which an odd number has three to begin with.
  for (let round = 0; round < 4; round++) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse));
  return inverse;
}

function powersOf(factor: number, count: number): Uint32Array {
  const powers = new Uint32Array(count);
  powers[0] = 1;
  for (let at = 1; at < count; at++) powers[at] = Math.imul(powers[at - 1]!, factor);
  return powers;
}

function mix(number: number, factor: number): number {
  const mixed = Math.imul(number + 1, factor);
  return Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97) ^ (mixed >>> 13);
}
