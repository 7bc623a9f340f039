/** A source of 32 random bits a call; where they come from is the caller's choice. */
export interface Random {
  /** Uniform in 0 .. 2^32 - 1. */
  u32(): number;
}

/** xoshiro128**, seeded by splitmix32: the same seed gives the same draws on every machine. */
export class SeededRandom implements Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  constructor(seed: number) {
    let state = seed >>> 0;
    const next = (): number => {
      state = (state + 0x9e37_79b9) >>> 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x85eb_ca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2_ae35);
      return (z ^ (z >>> 16)) >>> 0;
    };
    this.a = next();
    this.b = next();
    this.c = next();
    this.d = next();
  }

  u32(): number {
    const product = Math.imul(this.b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= t;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result;
  }
}

/** Uniform in 0 .. bound - 1, for bounds up to 2^32; the bias is below bound / 2^32. */
export function below(random: Random, bound: number): number {
  return Math.floor((random.u32() / 0x1_0000_0000) * bound);
}
