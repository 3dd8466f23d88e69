/**
 * A chemistry: which elements there are, what bonds they make, and how bonds are told from distances, as data. A new element, valence
 * or table is added here and nowhere else. Functions take a chemistry where they need one; without it they mean {@link EDM}.
 */
import { EDM_MARGINS, TYPICAL_LENGTHS } from "./bond_lengths.ts";

/** An element as a chemistry has it. */
export interface Element {
  readonly symbol: string;
  readonly atomicNumber: number;
  /** Standard atomic weight (IUPAC 2021, abridged), in dalton. */
  readonly mass: number;
  /** Sums of bond orders, hydrogens included, of a sound atom, ascending, by formal charge. */
  readonly valences: Readonly<Record<number, readonly number[]>>;
  /** Further sums at charge 0 that RDKit reads as sound: five at nitrogen, of a nitro group or an azide, where it puts charges itself; of GEOM's elements, above `valences`. */
  readonly bears?: readonly number[];
  /** Two heavy atoms nearer than the sum of theirs are neighbours where hydrogens are placed. Angstrom. */
  readonly radius: number;
  /** Lengths of bonds to hydrogen in angstrom: of several hydrogens; of a lone one, by the number of heavy neighbours, the last for more. */
  readonly toHydrogen: { readonly several: number; readonly lone: readonly number[] };
}

/** Bond orders of a table. */
export type Order = 1 | 2 | 3;

/** A chemistry; see {@link createChemistry}. */
export interface Chemistry {
  readonly name: string;
  readonly elements: readonly Element[];
  /** The place in `elements` by atomic number; NONE where there is none. */
  readonly places: Uint8Array;
  /** Typical lengths in picometres `[elements, elements]`; 0 where there is no such bond. */
  readonly lengths: Readonly<Record<Order, readonly number[]>>;
  readonly margins: Readonly<Record<Order, number>>;
  /** Lengths plus margins: a pair nearer than that has at least this order. 0 where there is no such bond. */
  readonly limits: Readonly<Record<Order, Float64Array>>;
  /** No pair farther apart than this, angstrom squared, is bonded. */
  readonly longestSquared: number;
  /**
   * Where a model's bonds and charges come from. `distances`: bonds are perceived, charges unknown, as in EDM's metrics. `graph`: they
   * are what the model's decoder says (or a file), go with the molecule, and are never perceived again.
   */
  readonly bonds: "distances" | "graph";
}

/** Marks an element that a chemistry lacks. */
const NONE = 255;

/** The parts of a chemistry that are not derived; lengths are those of {@link TYPICAL_LENGTHS} among the elements. */
export type ChemistrySpec = Pick<Chemistry, "name" | "elements" | "bonds">;

/** @throws RangeError where an element is there twice */
export function createChemistry({ name, elements, bonds }: ChemistrySpec): Chemistry {
  const n = elements.length, places = new Uint8Array(256).fill(NONE), margins = EDM_MARGINS;
  elements.forEach(({ atomicNumber, symbol }, k) => {
    if (places[atomicNumber] !== NONE) throw new RangeError(`${name}: each element is named once; got ${symbol} twice`);
    places[atomicNumber] = k;
  });
  const lengthsOf = (order: Order) =>
    Array.from({ length: n * n }, (_, pair) => {
      const a = elements[Math.floor(pair / n)].symbol, b = elements[pair % n].symbol, table = TYPICAL_LENGTHS[order];
      return table[`${a}-${b}`] ?? table[`${b}-${a}`] ?? 0;
    });
  const lengths = { 1: lengthsOf(1), 2: lengthsOf(2), 3: lengthsOf(3) };
  const limitsOf = (order: Order) =>
    Float64Array.from(lengths[order], (length) => length === 0 ? 0 : length + margins[order]);
  const limits = { 1: limitsOf(1), 2: limitsOf(2), 3: limitsOf(3) };
  // Rounded up, as it only spares the look into the tables.
  const longestSquared = (Math.max(...limits[1]) / 100) ** 2 + 1e-3;
  return { name, elements, places, lengths, margins, limits, longestSquared, bonds };
}

/** Facts of an element that no chemistry changes. */
const hydrogen = {
  symbol: "H",
  atomicNumber: 1,
  mass: 1.008,
  radius: 0.875,
  toHydrogen: { several: 0.74, lone: [0.74] },
};
const carbon = { symbol: "C", atomicNumber: 6, mass: 12.011, radius: 0.875 };
const nitrogen = { symbol: "N", atomicNumber: 7, mass: 14.007, radius: 0.875, bears: [5] };
const oxygen = { symbol: "O", atomicNumber: 8, mass: 15.999, radius: 0.875 };
const fluorine = { symbol: "F", atomicNumber: 9, mass: 18.998, radius: 0.875 };

/** QM9's mean lengths to hydrogen (training split). */
const QM9_TO_HYDROGEN = {
  C: { several: 1.094, lone: [1.062, 1.062, 1.089, 1.091] },
  N: { several: 1.011, lone: [1.02, 1.02, 1.012] },
  O: { several: 0.965, lone: [0.965] },
  F: { several: 0.917, lone: [0.917] },
};

/**
 * QM9's elements and EDM's rules: bonds are perceived from distances, charges unknown, so that stability and validity mean the same for
 * every model. In the order of EDM's one-hot types: H, C, N, O, F.
 */
export const EDM: Chemistry = createChemistry({
  name: "edm",
  bonds: "distances",
  elements: [
    { ...hydrogen, valences: { 0: [1] } },
    { ...carbon, valences: { 0: [4] }, toHydrogen: QM9_TO_HYDROGEN.C },
    { ...nitrogen, valences: { 0: [3] }, toHydrogen: QM9_TO_HYDROGEN.N },
    { ...oxygen, valences: { 0: [2] }, toHydrogen: QM9_TO_HYDROGEN.O },
    { ...fluorine, valences: { 0: [1] }, toHydrogen: QM9_TO_HYDROGEN.F },
  ],
});

/** One length for any number of hydrogens and neighbours. */
const always = (length: number) => ({ several: length, lone: [length] });

const phosphorus = { symbol: "P", atomicNumber: 15, mass: 30.974, radius: 1.1, toHydrogen: always(1.42) };
const sulfur = { symbol: "S", atomicNumber: 16, mass: 32.06, radius: 1.1, toHydrogen: always(1.34) };
const chlorine = { symbol: "Cl", atomicNumber: 17, mass: 35.45, radius: 1.05, toHydrogen: always(1.27) };
const bromine = { symbol: "Br", atomicNumber: 35, mass: 79.904, radius: 1.2, toHydrogen: always(1.41) };
const iodine = { symbol: "I", atomicNumber: 53, mass: 126.9, radius: 1.4, toHydrogen: always(1.61) };

/**
 * Drug-like molecules: the halogens, phosphorus and sulfur, and charged atoms. Bonds are those of the graph. Where they are perceived
 * all the same, lengths are EDM's for GEOM-Drugs, which are not fitted to aromatic sulfur or to phosphates.
 */
export const DRUGLIKE: Chemistry = createChemistry({
  name: "druglike",
  bonds: "graph",
  elements: [
    { ...hydrogen, valences: { 0: [1] } },
    { ...carbon, valences: { "-1": [3], 0: [4], 1: [3] }, toHydrogen: QM9_TO_HYDROGEN.C },
    { ...nitrogen, valences: { "-1": [2], 0: [3], 1: [4] }, bears: [], toHydrogen: QM9_TO_HYDROGEN.N },
    { ...oxygen, valences: { "-1": [1], 0: [2], 1: [3] }, toHydrogen: QM9_TO_HYDROGEN.O },
    { ...fluorine, valences: { 0: [1] }, toHydrogen: QM9_TO_HYDROGEN.F },
    { ...phosphorus, valences: { 0: [3, 5], 1: [4] } },
    { ...sulfur, valences: { "-1": [1], 0: [2, 4, 6], 1: [3, 5] } },
    { ...chlorine, valences: { 0: [1] } },
    { ...bromine, valences: { 0: [1] } },
    { ...iodine, valences: { 0: [1] } },
  ],
});

/** Further elements of GEOM-Drugs. To hydrogen: EDM's typical length; where it has none, the sum of covalent radii (`judge/contacts.ts`). */
const boron = { symbol: "B", atomicNumber: 5, mass: 10.81, radius: 0.9, toHydrogen: always(1.19) };
const aluminium = { symbol: "Al", atomicNumber: 13, mass: 26.982, radius: 1.25, toHydrogen: always(1.52) };
const silicon = { symbol: "Si", atomicNumber: 14, mass: 28.085, radius: 1.15, toHydrogen: always(1.48) };
const arsenic = { symbol: "As", atomicNumber: 33, mass: 74.922, radius: 1.2, toHydrogen: always(1.52) };
const mercury = { symbol: "Hg", atomicNumber: 80, mass: 200.59, radius: 1.35, toHydrogen: always(1.63) };
const bismuth = { symbol: "Bi", atomicNumber: 83, mass: 208.98, radius: 1.5, toHydrogen: always(1.79) };

/**
 * GEOM-Drugs as EDM and GeoLDM have it: the sixteen elements of `geom_with_h` in the order of its one-hot types (`configs/datasets_config.py` of
 * ehoogeboom/e3_diffusion_for_molecules), and the rule of `geom_predictor` with `allowed_bonds` (`qm9/bond_analyze.py`), which their stability of GEOM is
 * counted by: lengths and margins of QM9's rule, orders up to three, no bond where a pair has no length, and none at all of Al, Hg and Bi, which so
 * are never stable. Charges are unknown, and sulfur has four bonds: a sulfonyl group, of six, is valid and not stable.
 */
export const GEOM: Chemistry = createChemistry({
  name: "geom",
  bonds: "distances",
  elements: [
    { ...hydrogen, valences: { 0: [1] } },
    { ...boron, valences: { 0: [3] } },
    { ...carbon, valences: { 0: [4] }, toHydrogen: QM9_TO_HYDROGEN.C },
    { ...nitrogen, valences: { 0: [3] }, toHydrogen: QM9_TO_HYDROGEN.N },
    { ...oxygen, valences: { 0: [2] }, toHydrogen: QM9_TO_HYDROGEN.O },
    { ...fluorine, valences: { 0: [1] }, toHydrogen: QM9_TO_HYDROGEN.F },
    { ...aluminium, valences: { 0: [3] } },
    { ...silicon, valences: { 0: [4] } },
    { ...phosphorus, valences: { 0: [3, 5] } },
    { ...sulfur, valences: { 0: [4] }, bears: [5, 6] },
    { ...chlorine, valences: { 0: [1] } },
    { ...arsenic, valences: { 0: [3] }, bears: [4, 5] },
    { ...bromine, valences: { 0: [1] } },
    { ...iodine, valences: { 0: [1] }, bears: [2, 3, 4, 5] },
    { ...mercury, valences: { 0: [1, 2] } },
    { ...bismuth, valences: { 0: [3, 5] } },
  ],
});

/** The chemistries that a card may name. */
export const CHEMISTRIES = { edm: EDM, druglike: DRUGLIKE, geom: GEOM } as const satisfies Readonly<
  Record<string, Chemistry>
>;

/** A chemistry's name. */
export type ChemistryName = keyof typeof CHEMISTRIES;

/** Their names. */
export const chemistryNames = Object.keys(CHEMISTRIES) as [ChemistryName, ...ChemistryName[]];

/** The sums of bond orders, hydrogens included, that a charged or neutral atom of an element may have; none for a charge it has not. */
export function valencesOf(atomicNumber: number, charge = 0, chemistry: Chemistry = EDM): readonly number[] {
  return chemistry.elements[chemistry.places[atomicNumber]]?.valences[charge] ?? [];
}
