/** The graph of a molecule that is given as SMILES or as a molblock, as RDKit.js reads it: what conformers are drawn for. */
import { DRUGLIKE } from "../chemistry.ts";
import type { Bond } from "../molecule.ts";
import type { Rdkit } from "../rdkit.ts";
import { bondOf, type RdkitJson } from "../mol_graph.ts";
import { KEEP_LONE } from "../validator.ts";

/** A tetrahedral centre whose stereo is specified. */
export interface Centre {
  readonly atom: number;
  /** All of its neighbours, or three where a lone pair is the fourth. */
  readonly neighbours: readonly number[];
  /** The sign of the volume that `volumeOf` (`stereo.ts`) has in positions that are as specified. */
  readonly sign: 1 | -1;
}

/** A double bond whose stereo is specified. */
export interface StereoBond {
  /** A neighbour, both atoms of the bond, a neighbour of the second. */
  readonly atoms: readonly [number, number, number, number];
  /** The neighbours are on the same side. */
  readonly cis: boolean;
}

/** A molecule without positions: heavy atoms in the order in which they were given, then all hydrogens. */
export interface MoleculeGraph {
  /** SMILES, with the stereo that is specified. */
  readonly smiles: string;
  readonly atomicNumbers: Uint8Array;
  /** Formal charges, one an atom. */
  readonly charges: Int8Array;
  /** In ascending order of i, then j; Kekule orders. */
  readonly bonds: readonly Bond[];
  readonly centres: readonly Centre[];
  readonly stereoBonds: readonly StereoBond[];
}

/** A molecule as it is given. */
export interface GivenMolecule {
  readonly kind: "smiles" | "molblock";
  readonly text: string;
}

/** Why a molecule that was given has no conformers. */
export const UNANSWERED = {
  unreadable: "RDKit cannot read it",
  elements: "it has an element that is not known here",
  isotopes: "it has an isotope",
  radicals: "it has an unpaired electron",
  bonds: "it has a bond that is neither single, double nor triple",
  stereoKind: "it has specified stereo that is none of a tetrahedral centre or a double bond, such as an allene's",
  fragments: "it is not one fragment",
  size: "it has more atoms than may be",
  source: "the source finds no positions for it",
  stereo: "no positions that were drawn have the stereo that is specified",
  late: "it takes longer than a molecule may",
  failed: "drawing it failed",
} as const;

/** One of {@link UNANSWERED}. */
export type Unanswered = keyof typeof UNANSWERED;

/** A molecule that cannot be answered. Its message says what is allowed, and what was given. */
export class UnansweredError extends RangeError {
  override readonly name = "UnansweredError";
  constructor(readonly reason: Unanswered, message: string) {
    super(message);
  }
}

/** Marks of stereo in SMILES that RDKit.js passes over: of an allene's middle atom, and of centres that are not tetrahedral. */
const OTHER_STEREO = /=\[[^\]]*@[^\]]*\]=|@(AL|SP|TB|OH)/;

/** Elements that conformers are drawn for. */
const SYMBOLS = DRUGLIKE.elements.map(({ symbol }) => symbol).join(", ");

/** Reads a molecule, with all of its hydrogens as atoms. @param atomsMax most atoms, hydrogens included @throws UnansweredError */
export function readGraph(rdkit: Rdkit, { kind, text }: GivenMolecule, atomsMax: number): MoleculeGraph {
  // RDKit tells forms apart by their text; what is said to be SMILES must not be read as another.
  const wrong = kind === "smiles" ? !/^[^\s{}"]+$/.test(text) : !/^M {2}END/m.test(text);
  if (kind === "smiles" && OTHER_STEREO.test(text)) {
    throw new UnansweredError(
      "stereoKind",
      "must have stereo of tetrahedral centres and double bonds alone; got that of an allene, or of a centre of another form",
    );
  }
  const graph = wrong ? null : rdkit.withMol(text, (mol) => {
    mol.remove_hs_in_place(KEEP_LONE);
    const smiles = mol.get_smiles(), atoms = mol.get_num_atoms(true);
    if (atoms > atomsMax) throw tooLarge(atomsMax, `${atoms} heavy ones`);
    mol.add_hs_in_place();
    return graphOf(smiles, JSON.parse(mol.get_json()), atomsMax);
  });
  if (graph) return graph;
  const words = kind === "smiles" ? "SMILES without spaces" : "a molblock (V2000 or V3000) that ends in M  END";
  const why = wrong ? "another text" : rdkit.objection(text) ?? "one that RDKit refuses";
  throw new UnansweredError("unreadable", `must be ${words}, of sound valences; got ${why}`);
}

const tooLarge = (most: number, got: string) =>
  new UnansweredError("size", `must have at most ${most} atoms, hydrogens included; got ${got}`);

/** What RDKit says, defaults written out, hydrogens behind the heavy atoms: one that a double bond's stereo needs stands among these. */
function heavyFirst({ defaults, molecules: [given] }: RdkitJson) {
  const all = given.atoms.map((atom) => ({ ...defaults.atom, ...atom }));
  const order = [...all.keys()].sort((a, b) => Number(all[a].z === 1) - Number(all[b].z === 1) || a - b);
  const place = new Map(order.map((atom, k) => [atom, k])),
    two = ([a, b]: readonly [number, number]) => [place.get(a)!, place.get(b)!] as const;
  const bonds = (given.bonds ?? []).map(({ atoms, bo = defaults.bond.bo, stereo, stereoAtoms }) => ({
    ...{ atoms: two(atoms), bo, stereo },
    stereoAtoms: stereoAtoms && two(stereoAtoms),
  }));
  return { atoms: order.map((atom) => all[atom]), bonds };
}

function graphOf(smiles: string, json: RdkitJson, atomsMax: number): MoleculeGraph {
  const { atoms, bonds } = heavyFirst(json), n = atoms.length;
  if (n === 0) throw new UnansweredError("unreadable", "must have an atom; got none");
  if (n > atomsMax) throw tooLarge(atomsMax, String(n));
  for (const { z, isotope, nRad } of atoms) {
    if (DRUGLIKE.places[z] >= DRUGLIKE.elements.length) {
      throw new UnansweredError("elements", `must be of ${SYMBOLS}; got an atom of the atomic number ${z}`);
    }
    if (isotope !== 0) throw new UnansweredError("isotopes", `must be without isotopes; got the mass ${isotope}`);
    if (nRad !== 0) throw new UnansweredError("radicals", "must be without unpaired electrons; got a radical");
  }
  const order = bonds.find(({ bo }) => bo !== 1 && bo !== 2 && bo !== 3);
  if (order) {
    throw new UnansweredError("bonds", `must have single, double and triple bonds; got one of the order ${order.bo}`);
  }
  const neighbours: number[][] = atoms.map(() => []);
  for (const { atoms: [i, j] } of bonds) neighbours[i].push(j), neighbours[j].push(i);
  const fragments = countFragments(neighbours);
  if (fragments > 1) throw new UnansweredError("fragments", `must be one fragment; got ${fragments}`);
  return {
    smiles,
    atomicNumbers: Uint8Array.from(atoms, ({ z }) => z),
    charges: Int8Array.from(atoms, ({ chg }) => chg),
    bonds: bonds.map(({ atoms, bo }) => bondOf(atoms, bo))
      .sort((a, b) => a.i - b.i || a.j - b.j),
    // Seen from the first neighbour the others turn counterclockwise (`ccw`), in the order of the bonds, a lone pair last.
    centres: atoms.flatMap(({ stereo }, atom) =>
      stereo === "cw" || stereo === "ccw"
        ? [{ atom, neighbours: neighbours[atom], sign: stereo === "ccw" ? 1 as const : -1 as const }]
        : []
    ),
    stereoBonds: bonds.flatMap(({ atoms: [a, b], stereo, stereoAtoms }) =>
      stereoAtoms && (stereo === "cis" || stereo === "trans")
        ? [{ atoms: [stereoAtoms[0], a, b, stereoAtoms[1]] as const, cis: stereo === "cis" }]
        : []
    ),
  };
}

function countFragments(neighbours: readonly (readonly number[])[]): number {
  const seen = neighbours.map(() => false);
  let count = 0;
  for (const start of neighbours.keys()) {
    if (seen[start]) continue;
    count++;
    seen[start] = true;
    for (const stack = [start]; stack.length > 0;) {
      for (const next of neighbours[stack.pop()!]) {
        if (!seen[next]) seen[next] = true, stack.push(next);
      }
    }
  }
  return count;
}
