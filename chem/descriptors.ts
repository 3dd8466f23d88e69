/** Descriptors of a molecule as RDKit.js computes them, under plain names. */
import { graphOfMol } from "./mol_graph.ts";
import { qedOf, qedProperties } from "./qed.ts";
import type { Rdkit, RdkitMol } from "./rdkit.ts";
import { ringSystemFrequency } from "./ring_systems/known.ts";

/** What a descriptor is. */
export interface DescriptorTold {
  readonly what: string;
  /** Absent of numbers and shares. */
  readonly unit?: string;
}

/** Each descriptor that RDKit.js has, and what it calls it. */
const OF_RDKIT = Object.freeze({
  molecularWeight: { rdkit: "amw", what: "average molecular weight", unit: "Da" },
  exactMass: { rdkit: "exactmw", what: "monoisotopic mass", unit: "Da" },
  logP: { rdkit: "CrippenClogP", what: "Crippen's estimate of log P (octanol/water)" },
  molarRefractivity: { rdkit: "CrippenMR", what: "Crippen's molar refractivity" },
  tpsa: { rdkit: "tpsa", what: "topological polar surface area", unit: "square angstrom" },
  labuteAsa: { rdkit: "labuteASA", what: "Labute's approximate surface area", unit: "square angstrom" },
  hydrogenBondAcceptors: { rdkit: "NumHBA", what: "hydrogen bond acceptors" },
  hydrogenBondDonors: { rdkit: "NumHBD", what: "hydrogen bond donors" },
  rotatableBonds: { rdkit: "NumRotatableBonds", what: "rotatable bonds" },
  rings: { rdkit: "NumRings", what: "rings" },
  aromaticRings: { rdkit: "NumAromaticRings", what: "aromatic rings" },
  heteroatoms: { rdkit: "NumHeteroatoms", what: "atoms but carbon and hydrogen" },
  heavyAtoms: { rdkit: "NumHeavyAtoms", what: "atoms but hydrogen" },
  stereocentres: { rdkit: "NumAtomStereoCenters", what: "stereocentres" },
  spiroAtoms: { rdkit: "NumSpiroAtoms", what: "spiro atoms" },
  bridgeheadAtoms: { rdkit: "NumBridgeheadAtoms", what: "bridgehead atoms" },
  fractionCsp3: { rdkit: "FractionCSP3", what: "share of carbon atoms that are sp3, 0 to 1" },
});

/** Each descriptor that RDKit.js lacks, and how it is computed: these take longer. */
const OURS = {
  qed: {
    what: "quantitative estimate of drug-likeness (Bickerton et al. 2012), 0 to 1",
    of: (rdkit: Rdkit, mol: RdkitMol, all: Readonly<Record<string, number>>) => qedOf(qedProperties(rdkit, mol, all)),
  },
  formalCharge: {
    what: "formal charges of all atoms, added up",
    of: (_: Rdkit, mol: RdkitMol) => graphOfMol(mol).charges.reduce((sum, charge) => sum + charge, 0),
  },
  ringSystemFrequency: {
    what:
      "known molecules (of MUV, PubChem and the NCI's HIV screen) that have its rarest ring system; all of them where it has no ring",
    of: ringSystemFrequency,
  },
};

/** A descriptor's name. */
export type DescriptorName = keyof typeof OF_RDKIT | keyof typeof OURS;

/** Every descriptor, and what it is. */
export const DESCRIPTORS: Readonly<Record<DescriptorName, DescriptorTold>> = { ...OF_RDKIT, ...OURS };

export type Descriptors = Record<DescriptorName, number>;

/**
 * All descriptors of the molecule that a SMILES with implicit hydrogens names. (Explicit hydrogens would make methyl
 * groups rotatable, and removing them from an RDKit molecule makes it forget its stereocentres; so a SMILES it is.)
 *
 * @throws RangeError for a SMILES that RDKit refuses
 */
export function descriptorsOf(rdkit: Rdkit, smiles: string): Descriptors {
  const found = rdkit.withMol(smiles, (mol) => molDescriptors(rdkit, mol));
  if (found === null) throw new RangeError(`SMILES: RDKit refuses ${JSON.stringify(smiles)}`);
  return found;
}

/**
 * The same of a molecule that RDKit has read, hydrogens implicit.
 *
 * @param wanted those that somebody reads; of ours the others are left out. All by default
 */
export function molDescriptors(rdkit: Rdkit, mol: RdkitMol): Descriptors;
export function molDescriptors(
  rdkit: Rdkit,
  mol: RdkitMol,
  wanted: (name: DescriptorName) => boolean,
): Partial<Descriptors>;
export function molDescriptors(
  rdkit: Rdkit,
  mol: RdkitMol,
  wanted = (_: DescriptorName) => true,
): Partial<Descriptors> {
  const all: Record<string, number> = JSON.parse(mol.get_descriptors());
  const found: Partial<Descriptors> = named(all);
  for (const name of Object.keys(OURS) as (keyof typeof OURS)[]) {
    if (wanted(name)) found[name] = OURS[name].of(rdkit, mol, all);
  }
  return found;
}

/** The descriptors of a molecule that RDKit has read, hydrogens implicit, that RDKit has. */
export const rdkitDescriptors = (mol: RdkitMol): Pick<Descriptors, keyof typeof OF_RDKIT> =>
  named(JSON.parse(mol.get_descriptors()));

/** Under their plain names. */
const named = (all: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(OF_RDKIT).map(([name, { rdkit }]) => [name, all[rdkit]])) as Pick<
    Descriptors,
    keyof typeof OF_RDKIT
  >;
