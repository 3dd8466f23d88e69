/** How far double bonds, amides and conjugated single bonds are twisted out of plane. */
import { fromFlat, torsion } from "./geometry.ts";
import { doubleBonds, isAromaticBond, isSp2, ringWith, type Structure } from "./structure.ts";

/** The kinds of bonds that are flat, or nearly, in a molecule at rest; aromatic ones have a check of their own (`planarity.ts`). */
export const TWISTS = {
  alkene: "C=C, acyclic",
  alkeneInRing: "C=C in a ring",
  /** An end is in several rings, which may hold it out of plane. */
  alkeneFused: "C=C where rings meet",
  imine: "C=N, acyclic",
  imineInRing: "C=N in a ring",
  imineFused: "C=N where rings meet",
  /** Nitrogen of three neighbours at a carbonyl's carbon; not in a ring of three, where it is pyramidal by nature. */
  amide: "C-N of an amide, acyclic",
  amideInRing: "C-N of a lactam",
  /** A single bond between two sp2 atoms, acyclic: may be twisted by nature; to be compared with the data's. */
  conjugated: "single between two sp2 carbons, acyclic",
} as const;

/** A kind's name. */
export type Twist = keyof typeof TWISTS;

/** Their names, in the order of tables. */
export const twistNames = Object.keys(TWISTS) as readonly Twist[];

/** The worst twist of each kind that a molecule has, degrees from flat: 0 to 90. */
export type Twists = Readonly<Partial<Record<Twist, number>>>;

const CARBON = 6, NITROGEN = 7, OXYGEN = 8;

/** What kind a bond is; undefined where it is none of them, or has an end in line (of an allene, a ketene, a nitrile). */
function kindOf(structure: Structure, i: number, j: number, order: number): Twist | undefined {
  const { atomicNumbers: z, neighbours } = structure;
  if (isAromaticBond(structure, i, j)) return undefined;
  const inRing = ringWith(structure, i, j) !== undefined;
  const several = (atom: number) => structure.rings.filter((ring) => ring.includes(atom)).length > 1;
  if (order === 2) {
    if (doubleBonds(structure, i) > 1 || doubleBonds(structure, j) > 1) return undefined;
    const elements = [z[i], z[j]].sort((a, b) => a - b);
    if (elements[0] !== CARBON || elements[1] > NITROGEN) return undefined;
    const kind = elements[1] === CARBON ? "alkene" : "imine";
    return !inRing ? kind : several(i) || several(j) ? `${kind}Fused` : `${kind}InRing`;
  }
  if (order !== 1) return undefined;
  const amide = (carbon: number, nitrogen: number) =>
    z[carbon] === CARBON && z[nitrogen] === NITROGEN && structure.aromatic[carbon] === 0 &&
    structure.aromatic[nitrogen] === 0 && neighbours[nitrogen].length === 3 &&
    neighbours[nitrogen].every(({ order }) => order === 1) && ringWith(structure, nitrogen)?.length !== 3 &&
    doubleBonds(structure, carbon) === 1 &&
    neighbours[carbon].some(({ atom, order }) => order === 2 && z[atom] === OXYGEN);
  if (amide(i, j) || amide(j, i)) return inRing ? "amideInRing" : "amide";
  const both = z[i] === CARBON && z[j] === CARBON && isSp2(structure, i) && isSp2(structure, j);
  return both && !inRing ? "conjugated" : undefined;
}

/** The worst of the torsions about a bond, over all pairs of what else is bonded to its ends; undefined where an end has nothing else. */
export function twistOf({ positions, neighbours }: Structure, i: number, j: number): number | undefined {
  let worst: number | undefined;
  for (const { atom: a } of neighbours[i]) {
    for (const { atom: b } of neighbours[j]) {
      if (a === j || b === i || a === b) continue;
      worst = Math.max(worst ?? 0, fromFlat(torsion(positions, a, i, j, b)));
    }
  }
  return worst;
}

/** The worst twist of each kind. */
export function twistsOf(structure: Structure): Twists {
  const worst: Partial<Record<Twist, number>> = {};
  for (const { i, j, order } of structure.bonds) {
    const kind = kindOf(structure, i, j, order), twist = kind && twistOf(structure, i, j);
    if (kind && twist !== undefined) worst[kind] = Math.max(worst[kind] ?? 0, twist);
  }
  return worst;
}
