/** Descriptors of a molecule as RDKit.js computes them, under plain names. */
import type { RdkitMol } from "./rdkit.ts";

/** What RDKit.js calls each descriptor. Lengths of ring and bond counts are as in RDKit's `rdMolDescriptors`. */
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

export type Descriptors = Record<keyof typeof RDKIT_NAMES, number>;

/**
 * All descriptors of a molecule whose hydrogens are implicit (explicit ones would make methyl groups rotatable).
 *
 * RDKit.js has no QED.
 */
export function descriptorsOf(mol: RdkitMol): Descriptors {
  const all: Record<string, number> = JSON.parse(mol.get_descriptors());
  return Object.fromEntries(Object.entries(RDKIT_NAMES).map(([name, rdkit]) => [name, all[rdkit]])) as Descriptors;
}
