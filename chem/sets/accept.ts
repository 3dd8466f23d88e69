/** Whether a record is a molecule that can be trained on, and what there is to know of it; or why not. */
import { bondOrderSums } from "../bonds.ts";
import { type Chemistry, valencesOf } from "../chemistry.ts";
import { createGroupFinder, type Group } from "../composition.ts";
import type { NodeClass } from "../data_set.ts";
import { labelOf } from "../elements.ts";
import { fragments } from "../fragments.ts";
import { FLAT } from "../mol_graph.ts";
import { molblockBytes } from "../molblock_bytes.ts";
import type { Bond, Molecule } from "../molecule.ts";
import type { Rdkit, RdkitMol } from "../rdkit.ts";
import { readMolblock } from "../sdf.ts";
import { ATOMS_MAX, BONDS_MAX } from "./form.ts";
import type { SetRecord } from "./records.ts";

/** Why records are refused: a word for counting, and what it means. */
export const REFUSALS = {
  broken: "no molblock, or one that cannot be read",
  size: "too many atoms or bonds, or no heavy atom",
  element: "an element that the chemistry lacks",
  coordinates: "no 3D coordinates",
  sanitisation: "RDKit refuses it",
  disconnected: "more than one piece",
  valence: "bonds that do not add up to a valence, or missing hydrogens",
  geometry: "a bond of no sensible length, or atoms that lie on each other",
} as const satisfies Readonly<Record<string, string>>;

/** See {@link REFUSALS}. */
export type RefusalReason = keyof typeof REFUSALS;

/** A record that is left out. */
export interface Refusal {
  readonly reason: RefusalReason;
  /** What is wrong, in words. */
  readonly message: string;
}

/** A molecule that is taken. */
export interface Accepted {
  /** As given, centred, its bonds in ascending order. */
  readonly molecule: Molecule & { readonly bonds: readonly Bond[] };
  /** Canonical, stereo as the positions have it. */
  readonly smiles: string;
  /** Canonical, without stereo: what makes two records the same molecule. */
  readonly flat: string;
  readonly groups: readonly Group[];
  /** Of each heavy atom. */
  readonly classes: readonly NodeClass[];
}

/** What is taken. */
export interface AcceptOptions {
  readonly chemistry: Chemistry;
  /** Most heavy atoms of a molecule. */
  readonly heavyAtoms: number;
}

/** Least and greatest length of a bond, and least distance of any two atoms, angstrom. */
const SHORTEST = 0.6, LONGEST = 3, NEAREST = 0.5;

/** Farthest that an atom may lie from the centre, angstrom: what positions have room for. */
const FARTHEST = 32;

const EXPLICIT = { removeHs: false };
/** Without this RDKit drops lone hydrogens, which hydrogen alone has. */
const KEEP_LONE = JSON.stringify({ removeDegreeZero: false });

class Refused extends Error {
  constructor(readonly reason: RefusalReason, message: string) {
    super(message);
  }
}

/** Judges records. Close it: its patterns live in RDKit's memory. */
export function createAcceptor(rdkit: Rdkit, { chemistry, heavyAtoms: most }: AcceptOptions) {
  const finder = createGroupFinder(rdkit);

  const judge = (mol: RdkitMol, molecule: Accepted["molecule"]): Accepted => {
    checkGraph(molecule, chemistry, most);
    checkGeometry(molecule);
    mol.remove_hs_in_place(KEEP_LONE);
    const smiles = mol.get_smiles(), flat = mol.get_smiles(FLAT);
    return { molecule: centred(molecule), smiles, flat, groups: finder.groupsOf(mol), classes: classesOf(molecule) };
  };

  const fromBlock = (block: string): Accepted => {
    checkCounts(block);
    const accepted = rdkit.withMol(block, (mol) => judge(mol, readClean(mol.get_v2Kmolblock(), chemistry)), EXPLICIT);
    if (accepted) return accepted;
    const objection = rdkit.objection(block, EXPLICIT);
    throw new Refused(objection ? "sanitisation" : "broken", objection ?? formFault(block, chemistry));
  };

  const fromMolecule = (molecule: Accepted["molecule"]): Accepted => {
    const block = moleculeBlock(molecule, chemistry);
    const accepted = rdkit.withMol(block, (mol) => judge(mol, molecule), EXPLICIT);
    if (accepted) return accepted;
    throw new Refused("sanitisation", rdkit.objection(block, EXPLICIT) ?? "RDKit refuses it");
  };

  return {
    accept(record: SetRecord): Accepted | Refusal {
      try {
        if ("broken" in record) throw new Refused("broken", record.broken);
        return "block" in record ? fromBlock(record.block) : fromMolecule(record.molecule);
      } catch (error) {
        if (error instanceof Refused) return { reason: error.reason, message: error.message };
        throw error;
      }
    },
    close: finder.close,
  };
}

const checkSize = (atoms: number, bonds: number) => {
  if (atoms >= 1 && atoms <= ATOMS_MAX && bonds <= BONDS_MAX) return;
  const allowed = `there must be 1 to ${ATOMS_MAX} atoms and at most ${BONDS_MAX} bonds`;
  throw new Refused("size", `${allowed}; got ${atoms} and ${bonds}`);
};

/** A molblock's numbers of atoms and bonds, before RDKit sees it. */
function checkCounts(block: string): void {
  const line = block.split("\n", 4)[3] ?? "";
  const [, atoms, bonds] = / V3000\s*$/.test(line)
    ? /^M {2}V30 COUNTS +(\d+) +(\d+)/m.exec(block) ?? []
    : / V2000\s*$/.test(line)
    ? /^([ \d]{2}\d)([ \d]{2}\d)/.exec(line) ?? []
    : [];
  if (atoms === undefined) {
    throw new Refused(
      "broken",
      `line 4 must be counts that end in V2000 or V3000; got ${JSON.stringify(line.slice(0, 80))}`,
    );
  }
  checkSize(Number(atoms), Number(bonds));
}

/** A molecule as a molblock. */
function moleculeBlock(molecule: Accepted["molecule"], chemistry: Chemistry): Uint8Array {
  const { atomicNumbers, bonds } = molecule, atoms = atomicNumbers.length;
  checkSize(atoms, bonds.length);
  for (const element of atomicNumbers) {
    if (chemistry.places[element] < chemistry.elements.length) continue;
    const known = chemistry.elements.map(({ symbol }) => symbol).join(", ");
    throw new Refused("element", `the element must be one of ${known}; got ${labelOf(element)}`);
  }
  for (const { i, j, order } of bonds) {
    if (i < j && j < atoms && order >= 1 && order <= 3) continue;
    throw new Refused(
      "broken",
      `bonds must be of order 1 to 3, of two of ${atoms} atoms; got ${i}-${j} of order ${order}`,
    );
  }
  return molblockBytes(molecule, bonds);
}

/**
 * What RDKit makes of a molblock, read: it sets charges of nitro groups apart, makes aromatic bonds single and double ones, and tells whether
 * coordinates are in 3D: by the head of the block, or as some lie outside the plane.
 */
function readClean(clean: string, chemistry: Chemistry): Accepted["molecule"] {
  if (!/^.{20}3D/.test(clean.split("\n", 2)[1])) throw new Refused("coordinates", "there are no 3D coordinates");
  try {
    const { molecule, bonds } = readMolblock(clean, chemistry);
    return { ...molecule, bonds };
  } catch (error) {
    throw new Refused("element", (error as Error).message.replace(/^molblock, line \d+: /, ""));
  }
}

/** What is wrong with the form of a molblock that RDKit cannot read, without a word of why. */
function formFault(block: string, chemistry: Chemistry): string {
  try {
    readMolblock(block, chemistry);
  } catch (error) {
    return (error as Error).message;
  }
  return "RDKit cannot read it";
}

function checkGraph({ atomicNumbers, bonds, charges }: Accepted["molecule"], chemistry: Chemistry, most: number): void {
  const atoms = atomicNumbers.length, heavy = atomicNumbers.filter((element) => element > 1).length;
  if (heavy < 1 || heavy > most) throw new Refused("size", `there must be 1 to ${most} heavy atoms; got ${heavy}`);
  const pieces = fragments(atoms, bonds).length;
  if (pieces > 1) throw new Refused("disconnected", `all atoms must be connected; there are ${pieces} pieces`);
  bondOrderSums(atoms, bonds).forEach((sum, i) => {
    const charge = charges?.[i] ?? 0, due = valencesOf(atomicNumbers[i], charge, chemistry);
    if (due.includes(sum)) return;
    const what = `atom ${i + 1}, ${labelOf(atomicNumbers[i])} of charge ${charge}`;
    const lacks = due.some((valence) => valence > sum) ? "; are hydrogens missing?" : "";
    throw new Refused(
      "valence",
      `${what}: bond orders must add up to ${due.join(" or ") || "no valence that is known"}; got ${sum}${lacks}`,
    );
  });
}

function checkGeometry({ atomicNumbers, positions: x, bonds }: Accepted["molecule"]): void {
  const distance = (i: number, j: number) =>
    Math.hypot(x[3 * i] - x[3 * j], x[3 * i + 1] - x[3 * j + 1], x[3 * i + 2] - x[3 * j + 2]);
  for (const { i, j } of bonds) {
    const length = distance(i, j);
    if (length >= SHORTEST && length <= LONGEST) continue;
    throw new Refused(
      "geometry",
      `bond ${i + 1}-${j + 1} must be ${SHORTEST} to ${LONGEST} angstrom long; got ${length.toFixed(2)}`,
    );
  }
  for (let i = 0; i < atomicNumbers.length; i++) {
    for (let j = 0; j < i; j++) {
      if (distance(i, j) >= NEAREST) continue;
      throw new Refused(
        "geometry",
        `atoms ${j + 1} and ${i + 1} must be ${NEAREST} angstrom apart; got ${distance(i, j).toFixed(2)}`,
      );
    }
  }
}

/** About the mean of all atoms, bonds in order. @throws {Refused} where an atom is farther from it than the form has room for */
function centred(molecule: Accepted["molecule"]): Accepted["molecule"] {
  const atoms = molecule.atomicNumbers.length, mean = [0, 0, 0];
  molecule.positions.forEach((value, k) => mean[k % 3] += value / atoms);
  const positions = molecule.positions.map((value, k) => value - mean[k % 3]);
  const far = positions.find((value) => !(Math.abs(value) <= FARTHEST));
  if (far !== undefined) {
    throw new Refused("size", `atoms must be within ${FARTHEST} angstrom of the centre; got ${far.toFixed(1)}`);
  }
  const bonds = molecule.bonds.toSorted((a, b) => a.i - b.i || a.j - b.j);
  return { ...molecule, positions, bonds };
}

/** What each heavy atom is. */
function classesOf({ atomicNumbers, bonds, charges }: Accepted["molecule"]): NodeClass[] {
  const hydrogens = new Uint8Array(atomicNumbers.length);
  for (const { i, j } of bonds) {
    if (atomicNumbers[i] === 1) hydrogens[j]++;
    if (atomicNumbers[j] === 1) hydrogens[i]++;
  }
  return Array.from(atomicNumbers.keys()).filter((i) => atomicNumbers[i] > 1).map((i): NodeClass => {
    const charge = charges?.[i] ?? 0;
    return charge === 0 ? [atomicNumbers[i], hydrogens[i]] : [atomicNumbers[i], hydrogens[i], charge];
  });
}
