/**
 * MMFF94 (Halgren 1996) without charges: types and parameters of openchemlib, energies and minimisation of our own. openchemlib gives its
 * minimiser's positions only where it converged, and leaves no term out; of its build with plain names the terms themselves are read, once a
 * molecule.
 */
import type { Bond, Molecule } from "../molecule.ts";
import { type Potential, potentialOf } from "./energy.ts";
import type { ForceField } from "./force_field.ts";
import { minimise } from "./minimise.ts";
import { TERM_KINDS, type TermKind, type Terms } from "./terms.ts";

/** A term as openchemlib has it: numbers by name. */
type Term = Readonly<Record<string, number>>;

/** How a kind is told and read. */
interface Reading {
  /** A name that only this kind has. */
  readonly mark: string;
  readonly atoms: readonly string[];
  readonly values: (term: Term) => readonly number[];
}

const READINGS: Readonly<Record<TermKind, Reading>> = {
  stretch: { mark: "kb", atoms: ["a1", "a2"], values: ({ r0, kb }) => [r0, kb] },
  bend: { mark: "ka", atoms: ["a1", "a2", "a3"], values: ({ theta0, ka, isLinear }) => [theta0, ka, Number(isLinear)] },
  stretchBend: {
    mark: "kba_ijk",
    atoms: ["a1", "a2", "a3"],
    values: ({ theta0, r0i, r0k, kba_ijk, kba_kji }) => [theta0, r0i, r0k, kba_ijk, kba_kji],
  },
  outOfPlane: { mark: "koop", atoms: ["ac", "a1", "a2", "a3"], values: ({ koop }) => [koop] },
  torsion: { mark: "v1", atoms: ["a1", "a2", "a3", "a4"], values: ({ v1, v2, v3 }) => [v1, v2, v3] },
  vanDerWaals: {
    mark: "well_depth",
    atoms: ["a1", "a2"],
    values: ({ rstar_ij, well_depth }) => [rstar_ij, well_depth],
  },
};

/** What the electrostatic term has, which is left out. */
const CHARGED = "charge_term";

const KINDS = Object.keys(TERM_KINDS) as TermKind[];

/** openchemlib's terms as flat arrays. @param atomOf our atom by openchemlib's */
function readTerms(found: readonly Term[], atomOf: Uint16Array): Terms {
  const lists = Object.fromEntries(KINDS.map((kind) => [kind, [] as Term[]])) as Record<TermKind, Term[]>;
  for (const term of found) {
    const kind = KINDS.find((kind) => READINGS[kind].mark in term);
    if (kind) lists[kind].push(term);
    else if (!(CHARGED in term)) {
      throw new TypeError(`openchemlib: a term of a kind that is known expected; got ${Object.keys(term)}`);
    }
  }
  return Object.fromEntries(KINDS.map((kind) => {
    const { atoms, values } = READINGS[kind];
    return [kind, {
      atoms: Uint16Array.from(lists[kind].flatMap((term) => atoms.map((name) => atomOf[term[name]]))),
      values: Float64Array.from(lists[kind].flatMap(values)),
    }];
  })) as Terms;
}

/**
 * Loads openchemlib: its tables lie beside its script in the npm package, and nothing comes from the network. Half a second, and some 45 MB
 * of memory.
 */
export async function openMmff94(): Promise<ForceField> {
  const { ForceFieldMMFF94, Molecule: Structure, Resources } = await import("openchemlib/debug");
  Resources.registerFromNodejs();

  const termsOf = ({ atomicNumbers, charges }: Molecule, bonds: readonly Bond[]): Terms | undefined => {
    const n = atomicNumbers.length, structure = new Structure(n, bonds.length);
    // Heavy atoms first, as openchemlib would sort them itself.
    const atomOf = new Uint16Array(n), placeOf = new Uint16Array(n);
    let next = 0;
    for (const hydrogens of [false, true]) {
      for (let i = 0; i < n; i++) if ((atomicNumbers[i] === 1) === hydrogens) atomOf[placeOf[i] = next++] = i;
    }
    for (const i of atomOf) {
      const place = structure.addAtom(atomicNumbers[i]);
      if (charges?.[i]) structure.setAtomCharge(place, charges[i]);
    }
    for (const { i, j, order } of bonds) {
      const bond = structure.addBond(placeOf[i], placeOf[j]);
      structure.setBondOrder(bond, order);
    }
    let field: unknown;
    try {
      field = new ForceFieldMMFF94(structure, "MMFF94");
    } catch {
      return undefined;
    }
    const { oclMmff: { mEnergies: { array } } } = field as { oclMmff: { mEnergies: { array: Term[] } } };
    return readTerms(array, atomOf);
  };

  return {
    name: "mmff94",
    type(molecule, bonds) {
      const terms = termsOf(molecule, bonds);
      if (!terms) return undefined;
      const potential: Potential = potentialOf(terms);
      return {
        potential,
        energy: (x) => potential(x, new Float64Array(x.length)),
        minimise: (x, options) => minimise(potential, x, options),
      };
    },
  };
}
