/** All that the judge finds of one valid molecule. */
import { setChargesApart } from "../charges.ts";
import { rdkitDescriptors } from "../descriptors.ts";
import { createGroupFinder, type Group } from "../composition.ts";
import type { Bond, Molecule } from "../molecule.ts";
import type { Rdkit, RdkitMol } from "../rdkit.ts";
import { angleDeparture } from "./angles.ts";
import { nearestContact } from "./contacts.ts";
import { motifsOf } from "./motifs.ts";
import { aromaticPuckering, pyramidality } from "./planarity.ts";
import { ringStrainsOf } from "./ring_strains.ts";
import { type Checks, type Fault, faultsOf } from "./sound.ts";
import { type Structure, structureOf } from "./structure.ts";
import { twistsOf } from "./torsions.ts";

/** What positions and bonds say, and what is wrong of it. */
export interface Geometry extends Checks {
  /** By {@link faultsOf}. */
  readonly faults: readonly Fault[];
}

/** See {@link createJudge}. */
export interface Findings extends Geometry {
  readonly groups: readonly Group[];
  /** Crippen's. */
  readonly logP: number;
  /** Square angstrom. */
  readonly tpsa: number;
  /** Share of carbon atoms that are sp3; 0 without carbon. */
  readonly fractionCsp3: number;
  /** Bemis and Murcko's, as SMILES; null of acyclic molecules. */
  readonly scaffold: string | null;
  /** By {@link motifsOf}. */
  readonly motifs: readonly string[];
}

/** The geometry of a structure. */
export function geometryOf(structure: Structure): Geometry {
  const found = {
    twists: twistsOf(structure),
    pyramidal: pyramidality(structure),
    puckered: aromaticPuckering(structure),
    contact: nearestContact(structure),
    angle: angleDeparture(structure),
    strains: ringStrainsOf(structure),
  };
  return { ...found, faults: faultsOf(found) };
}

/** Judges valid molecules. Its patterns stay in RDKit's memory. */
export interface Judge {
  /** The aromatic atoms of a molecule that RDKit has read, in its order; hydrogens and all. */
  aromaticOf(mol: RdkitMol): number[];
  /**
   * @param aromatic of the molecule's atoms
   * @param smiles with hydrogens implicit; RangeError where RDKit refuses it
   */
  findings(molecule: Molecule, bonds: readonly Bond[], aromatic: Iterable<number>, smiles: string): Findings;
}

/** A judge. */
export function createJudge(rdkit: Rdkit): Judge {
  const aromatic = rdkit.pattern("a"), { groupsOf } = createGroupFinder(rdkit);
  return {
    aromaticOf: (mol) => aromatic.matches(mol).flat(),
    findings(molecule, bonds, aromatic, smiles) {
      const structure = structureOf(molecule, bonds, aromatic), charged = setChargesApart(molecule, bonds);
      const flat = rdkit.withMol(smiles, (mol) => ({
        groups: groupsOf(mol),
        own: rdkitDescriptors(mol),
        pieces: motifsOf(rdkit, structure, charged, mol),
      }));
      if (flat === null) throw new RangeError(`SMILES: RDKit refuses ${JSON.stringify(smiles)}`);
      const { groups, own: { logP, tpsa, fractionCsp3 }, pieces } = flat;
      return { ...geometryOf(structure), groups, logP, tpsa, fractionCsp3, ...pieces };
    },
  };
}
