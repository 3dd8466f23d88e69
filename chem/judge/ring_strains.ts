/** Rings that are strained by their graph, wherever their atoms are. Rings of three and of four are groups (`composition.ts`). */
import { doubleBonds, isAromaticBond, ringWith, type Structure } from "./structure.ts";

/** The classes. */
export const RING_STRAINS = {
  doubleInThree: "double bond in a ring of three",
  doubleInFour: "double bond in a ring of four",
  /** Two rings that share more than one bond. */
  bridged: "bridged rings",
  /** A triple bond, or two double bonds at one atom, in a ring of eight or fewer: cyclooctyne is the smallest that is made without trouble. */
  bent: "triple or cumulated in a ring",
  /** A double bond at a bridgehead of less than seven atoms in its three bridges (Fawcett, Chem. Rev. 47, 219, 1950: S). */
  antiBredt: "double bond at a bridgehead",
} as const;

/** A class' name. */
export type RingStrain = keyof typeof RING_STRAINS;

/** Their names, in the order of tables. */
export const ringStrainNames = Object.keys(RING_STRAINS) as readonly RingStrain[];

const LARGEST_BENT = 8, FAWCETT = 7;

/** Two rings that share more than one bond, with the atoms at the ends of what they share: the bridgeheads. */
function bridges({ rings, neighbours }: Structure): { heads: number[]; size: number }[] {
  return rings.flatMap((one, k) =>
    rings.slice(0, k).flatMap((other) => {
      const shared = one.filter((atom) => other.includes(atom));
      if (shared.length < 3) return [];
      const among = (atom: number) => neighbours[atom].filter(({ atom: next }) => shared.includes(next)).length;
      const heads = shared.filter((atom) => among(atom) === 1), size = one.length + other.length - shared.length;
      return heads.length === 2 ? [{ heads, size }] : [];
    })
  );
}

/** The classes that a molecule has, in the order of {@link RING_STRAINS}. */
export function ringStrainsOf(structure: Structure): RingStrain[] {
  const { bonds, neighbours } = structure, bridged = bridges(structure), found = new Set<RingStrain>();
  if (bridged.length > 0) found.add("bridged");
  for (const { i, j, order } of bonds) {
    const ring = ringWith(structure, i, j);
    if (!ring || order === 1) continue;
    if (order === 3 && ring.length <= LARGEST_BENT) found.add("bent");
    if (order !== 2 || isAromaticBond(structure, i, j)) continue;
    if (ring.length === 3) found.add("doubleInThree");
    if (ring.length === 4) found.add("doubleInFour");
    // Atoms in the three bridges: all of the bicycle but the two heads.
    if (bridged.some(({ heads, size }) => (heads.includes(i) || heads.includes(j)) && size - 2 < FAWCETT)) {
      found.add("antiBredt");
    }
  }
  neighbours.forEach((around, atom) => {
    if (doubleBonds(structure, atom) < 2) return;
    const doubles = around.filter(({ order }) => order === 2).map(({ atom }) => atom);
    const ring = ringWith(structure, atom, doubles[0], doubles[1]);
    if (ring && ring.length <= LARGEST_BENT && around.length === 2) found.add("bent");
  });
  return ringStrainNames.filter((name) => found.has(name));
}
