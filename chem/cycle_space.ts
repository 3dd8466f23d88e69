/** Sets as vectors over GF(2), an element a bit: which of the cycles of a graph others add up to. */

/** A basis, by elimination on the highest bit. */
export interface CycleBasis {
  /** What is left of a set when the basis is taken off it: 0 where sets of the basis add up to it. */
  reduced(bits: bigint): bigint;
  /** Takes a set in, unless sets of the basis add up to it. @returns whether it was taken in */
  add(bits: bigint): boolean;
}

const top = (bits: bigint) => bits.toString(2).length;

/** An empty basis. */
export function createCycleBasis(): CycleBasis {
  const basis = new Map<number, bigint>();
  const reduced = (bits: bigint): bigint => {
    while (bits !== 0n) {
      const known = basis.get(top(bits));
      if (known === undefined) return bits;
      bits ^= known;
    }
    return bits;
  };
  return {
    reduced,
    add(bits) {
      const left = reduced(bits);
      if (left !== 0n) basis.set(top(left), left);
      return left !== 0n;
    },
  };
}
