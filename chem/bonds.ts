/**
 * Bonds by distance, as EDM perceives them (Hoogeboom et al., "Equivariant Diffusion for Molecule Generation in 3D",
 * 2022, appendix "Bond distances"): a pair has the highest order whose typical length plus a margin exceeds its distance.
 *
 * EDM has two callers of this rule. Its stability check looks a pair up as it comes, its RDKit builder sorts the pair by
 * element first. The tables are symmetric, so for H, C, N, O, F both give the same orders; there is one function here.
 * (EDM caps orders at one and skips pairs without a length for GEOM-Drugs only.)
 */
import { elementIndex } from "./elements.ts";
import type { Bond, Molecule } from "./molecule.ts";

/** Typical lengths in picometres, rows and columns H, C, N, O, F; 0 where there is no such bond. */
export const BOND_LENGTHS: Readonly<Record<1 | 2 | 3, readonly number[]>> = Object.freeze({
  // deno-fmt-ignore
  1: [
     74, 109, 101,  96,  92,
    109, 154, 147, 143, 135,
    101, 147, 145, 140, 136,
     96, 143, 140, 148, 142,
     92, 135, 136, 142, 142,
  ],
  // deno-fmt-ignore
  2: [
    0,   0,   0,   0, 0,
    0, 134, 129, 120, 0,
    0, 129, 125, 121, 0,
    0, 120, 121, 121, 0,
    0,   0,   0,   0, 0,
  ],
  // deno-fmt-ignore
  3: [
    0,   0,   0,   0, 0,
    0, 120, 116, 113, 0,
    0, 116, 110,   0, 0,
    0, 113,   0,   0, 0,
    0,   0,   0,   0, 0,
  ],
});

/** How much longer than typical a bond of each order may be, in picometres. */
export const BOND_MARGINS: Readonly<Record<1 | 2 | 3, number>> = Object.freeze({ 1: 10, 2: 5, 3: 3 });

/** No pair farther apart than this (1.54 + 0.10 angstrom, squared, rounded up) is bonded. */
const LONGEST_SQUARED = 2.69;

/** The order from elements (places in `ELEMENTS`) and distance in angstrom; 0 where there is no bond. */
function orderByIndex(a: number, b: number, distance: number): 0 | 1 | 2 | 3 {
  const pair = 5 * a + b, d = 100 * distance;
  if (!(d < BOND_LENGTHS[1][pair] + BOND_MARGINS[1])) return 0;
  if (BOND_LENGTHS[2][pair] === 0 || d >= BOND_LENGTHS[2][pair] + BOND_MARGINS[2]) return 1;
  if (BOND_LENGTHS[3][pair] === 0 || d >= BOND_LENGTHS[3][pair] + BOND_MARGINS[3]) return 2;
  return 3;
}

/**
 * The bond order of two atoms.
 *
 * @param a,b atomic numbers, in either order
 * @param distance in angstrom; NaN counts as no bond
 * @returns 0 where there is no bond
 * @throws RangeError for an unknown element
 */
export function bondOrder(a: number, b: number, distance: number): 0 | 1 | 2 | 3 {
  return orderByIndex(elementIndex(a), elementIndex(b), distance);
}

/**
 * The bonds of a molecule by EDM's rule, in ascending order of i, then j. An atom may have too many or too few.
 *
 * @throws RangeError for an unknown element, or positions that do not match the atoms
 */
export function perceiveBonds({ atomicNumbers, positions }: Molecule): Bond[] {
  const n = atomicNumbers.length, bonds: Bond[] = [];
  if (positions.length !== 3 * n) {
    throw new RangeError(`Positions: ${n} atoms need ${3 * n} numbers; given are ${positions.length}`);
  }
  const elements = new Uint8Array(n);
  for (let i = 0; i < n; i++) elements[i] = elementIndex(atomicNumbers[i]);
  for (let i = 0; i < n; i++) {
    const x = positions[3 * i], y = positions[3 * i + 1], z = positions[3 * i + 2];
    for (let j = i + 1; j < n; j++) {
      const dx = positions[3 * j] - x, dy = positions[3 * j + 1] - y, dz = positions[3 * j + 2] - z;
      const squared = dx * dx + dy * dy + dz * dz;
      if (!(squared < LONGEST_SQUARED)) continue;
      const order = orderByIndex(elements[i], elements[j], Math.sqrt(squared));
      if (order > 0) bonds.push({ i, j, order: order as Bond["order"] });
    }
  }
  return bonds;
}

/** The sum of each atom's bond orders. */
export function bondOrderSums(atoms: number, bonds: readonly Bond[]): Uint16Array {
  const sums = new Uint16Array(atoms);
  for (const { i, j, order } of bonds) {
    sums[i] += order;
    sums[j] += order;
  }
  return sums;
}
