/**
 * Bonds by distance, as EDM perceives them (Hoogeboom et al., "Equivariant Diffusion for Molecule Generation in 3D",
 * 2022, appendix "Bond distances"): a pair has the highest order whose typical length plus a margin exceeds its distance.
 *
 * EDM has two callers of this rule. Its stability check looks a pair up as it comes, its RDKit builder sorts the pair by
 * element first. The tables are symmetric, so for H, C, N, O, F both give the same orders; there is one function here.
 * Of GEOM-Drugs both sort, so that C=S counts, which EDM's table of double bonds has in that order alone; its RDKit builder caps orders
 * at one there (`limit_bonds_to_one` of `geom_predictor`), which is not done here: files and validity have the orders that stability
 * is counted by. A pair without a length has no bond. The tables are a chemistry's: `chemistry.ts`.
 */
import { type Chemistry, EDM } from "./chemistry.ts";
import { elementIndex } from "./elements.ts";
import { type Bond, fixedCount, type Molecule } from "./molecule.ts";

/** The order from elements (places in the chemistry's list) and distance in angstrom; 0 where there is no bond. */
function orderByIndex(a: number, b: number, distance: number, { elements, limits }: Chemistry): 0 | 1 | 2 | 3 {
  const pair = elements.length * a + b, d = 100 * distance;
  if (!(d < limits[1][pair])) return 0;
  if (d >= limits[2][pair]) return 1;
  return d >= limits[3][pair] ? 2 : 3;
}

/**
 * The bond order of two atoms.
 *
 * @param a,b atomic numbers, in either order
 * @param distance in angstrom; NaN counts as no bond
 * @returns 0 where there is no bond
 * @throws RangeError for an unknown element
 */
export function bondOrder(a: number, b: number, distance: number, chemistry: Chemistry = EDM): 0 | 1 | 2 | 3 {
  return orderByIndex(elementIndex(a, chemistry), elementIndex(b, chemistry), distance, chemistry);
}

/**
 * The bonds of a molecule by EDM's rule, in ascending order of i, then j. An atom may have too many or too few. Bonds among fixed atoms are those
 * that were given, whatever their distances say.
 *
 * @throws RangeError for an unknown element, or positions that do not match the atoms
 */
export function perceiveBonds(molecule: Molecule, chemistry: Chemistry = EDM): Bond[] {
  const { atomicNumbers, positions } = molecule, n = atomicNumbers.length, bonds: Bond[] = [];
  const held = fixedCount(molecule), given = molecule.fixed?.bonds ?? [];
  if (positions.length !== 3 * n) {
    throw new RangeError(`Positions: ${n} atoms need ${3 * n} numbers; given are ${positions.length}`);
  }
  const elements = new Uint8Array(n);
  for (let i = 0; i < n; i++) elements[i] = elementIndex(atomicNumbers[i], chemistry);
  for (let i = 0; i < n; i++) {
    const x = positions[3 * i], y = positions[3 * i + 1], z = positions[3 * i + 2];
    if (i < held) bonds.push(...given.filter((bond) => bond.i === i));
    for (let j = i < held ? held : i + 1; j < n; j++) {
      const dx = positions[3 * j] - x, dy = positions[3 * j + 1] - y, dz = positions[3 * j + 2] - z;
      const squared = dx * dx + dy * dy + dz * dz;
      if (!(squared < chemistry.longestSquared)) continue;
      const order = orderByIndex(elements[i], elements[j], Math.sqrt(squared), chemistry);
      if (order > 0) bonds.push({ i, j, order: order as Bond["order"] });
    }
  }
  return bonds;
}

/** The bonds that a molecule carries, or else those perceived from its distances. */
export function bondsOf(molecule: Molecule, chemistry: Chemistry = EDM): readonly Bond[] {
  return molecule.bonds ?? perceiveBonds(molecule, chemistry);
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

/** Bond orders `[n, n]`, symmetric, 0 where there is no bond. */
export function orderMatrix(atoms: number, bonds: Iterable<Bond>): Uint8Array {
  const orders = new Uint8Array(atoms * atoms);
  for (const { i, j, order } of bonds) orders[i * atoms + j] = orders[j * atoms + i] = order;
  return orders;
}

/** Whether a molecule's distances mean just these bond orders `[n, n]`. Throws as {@link perceiveBonds}. */
export function distancesMean(molecule: Molecule, orders: Uint8Array, chemistry: Chemistry = EDM): boolean {
  const found = orderMatrix(molecule.atomicNumbers.length, perceiveBonds(molecule, chemistry));
  return found.every((order, pair) => order === orders[pair]);
}
