/** Descriptors of a molecule as RDKit.js computes them, under plain names. */
import { qedOf, qedProperties } from "./qed.ts";
import type { Rdkit, RdkitMol } from "./rdkit.ts";

/** What RDKit.js calls each descriptor. */
const RDKIT_NAMES = Object.freeze({
  /** Average molecular weight, Da. */
  molecularWeight: "amw",
  /** Monoisotopic mass, Da. */
  exactMass: "exactmw",
  /** Crippen's estimate of log P (octanol/water). */
  logP: "CrippenClogP",
  /** Crippen's molar refractivity. */
  molarRefractivity: "CrippenMR",
  /** Topological polar surface area, square angstrom. */
  tpsa: "tpsa",
  /** Labute's approximate surface area, square angstrom. */
  labuteAsa: "labuteASA",
  hydrogenBondAcceptors: "NumHBA",
  hydrogenBondDonors: "NumHBD",
  rotatableBonds: "NumRotatableBonds",
  rings: "NumRings",
  aromaticRings: "NumAromaticRings",
  heteroatoms: "NumHeteroatoms",
  heavyAtoms: "NumHeavyAtoms",
  stereocentres: "NumAtomStereoCenters",
  spiroAtoms: "NumSpiroAtoms",
  bridgeheadAtoms: "NumBridgeheadAtoms",
  /** Share of carbon atoms that are sp3, 0 to 1. */
  fractionCsp3: "FractionCSP3",
});

export type Descriptors = Record<keyof typeof RDKIT_NAMES | "qed", number>;

/**
 * All descriptors of the molecule that a SMILES with implicit hydrogens names. (Explicit hydrogens would make methyl
 * groups rotatable, and removing them from an RDKit molecule makes it forget its stereocentres; so a SMILES it is.)
 *
 * RDKit.js has no QED: it is ours (`qed.ts`).
 *
 * @throws RangeError for a SMILES that RDKit refuses
 */
export function descriptorsOf(rdkit: Rdkit, smiles: string): Descriptors {
  const found = rdkit.withMol(smiles, (mol) => {
    const all: Record<string, number> = JSON.parse(mol.get_descriptors());
    return { ...named(all), qed: qedOf(qedProperties(rdkit, mol, all)) };
  });
  if (found === null) throw new RangeError(`SMILES: RDKit refuses ${JSON.stringify(smiles)}`);
  return found;
}

/** The descriptors of a molecule that RDKit has read, hydrogens implicit, but for QED, which takes longer. */
export const rdkitDescriptors = (mol: RdkitMol): Omit<Descriptors, "qed"> => named(JSON.parse(mol.get_descriptors()));

/** Under their plain names. */
const named = (all: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(RDKIT_NAMES).map(([name, rdkit]) => [name, all[rdkit]])) as Omit<
    Descriptors,
    "qed"
  >;
