/**
 * Positions by openchemlib's conformer generator: torsions as crystal structures have them, between rigid fragments that a self-organising
 * algorithm lays out.
 *
 * openchemlib keeps the fragments of all molecules that it has seen, laid out by whatever seed came first. They are forgotten before each molecule, so
 * that its positions depend on it and its seed alone; only the package's build with readable names (`openchemlib/debug`) lets them be reached.
 */
import { ConformerGenerator, Molecule, Resources } from "openchemlib/debug";
import type { Bond } from "../molecule.ts";
import type { MoleculeGraph } from "./graph.ts";
import type { PositionSource } from "./source.ts";

/** What is reached of a generator's inside. */
interface Inside {
  readonly oclGenerator: { readonly mRigidFragmentProvider: { readonly mCache: { clear(): void } } };
}

/** What openchemlib says of how a centre's neighbours turn, by ascending numbers, the last one at the back. */
const { cAtomParity1: CLOCKWISE, cAtomParity2: COUNTERCLOCKWISE, cBondParityEor1: TRANS, cBondParityZor2: CIS } =
  Molecule;

/** Whether a permutation is even. */
function isEven(order: readonly number[]): boolean {
  let even = true;
  for (const [k, one] of order.entries()) for (const other of order.slice(k + 1)) if (one > other) even = !even;
  return even;
}

/** The neighbour of an atom with the least number, but for one. */
const leastNeighbour = (bonds: readonly Bond[], atom: number, other: number): number =>
  Math.min(
    ...bonds.flatMap(({ i, j }) => i === atom ? [j] : j === atom ? [i] : []).filter((one) => one !== other),
  );

/** The graph as openchemlib has it, with all hydrogens and the specified stereo. Undefined where it counts hydrogens otherwise. */
function moleculeOf({ atomicNumbers, charges, bonds, centres, stereoBonds }: MoleculeGraph): Molecule | undefined {
  const molecule = new Molecule(atomicNumbers.length, bonds.length);
  for (const [atom, atomicNumber] of atomicNumbers.entries()) {
    molecule.addAtom(atomicNumber);
    molecule.setAtomCharge(atom, charges[atom]);
  }
  for (const { i, j, order } of bonds) {
    molecule.setBondOrder(molecule.addBond(i, j), order);
  }
  // This moves bonds to hydrogens behind the others: their numbers are known after it.
  molecule.ensureHelperArrays(Molecule.cHelperRings);
  for (const { atom, neighbours, sign } of centres) {
    // Seen from the side away from the last neighbour, or from the lone pair, the first three turn as those after the first do, seen from it.
    const clockwise = (sign > 0) !== isEven(neighbours);
    molecule.setAtomParity(atom, clockwise ? CLOCKWISE : COUNTERCLOCKWISE, false);
  }
  for (const { atoms: [i, a, b, j], cis } of stereoBonds) {
    // openchemlib's parity is of the neighbours with the least numbers.
    const turned = (leastNeighbour(bonds, a, b) !== i) !== (leastNeighbour(bonds, b, a) !== j);
    molecule.setBondParity(molecule.getBond(a, b), cis !== turned ? CIS : TRANS, false);
  }
  molecule.setParitiesValid(0);
  const same = Array.from(atomicNumbers).every((atomicNumber, atom) => molecule.getAtomicNo(atom) === atomicNumber);
  const lacks = Array.from(atomicNumbers.keys()).some((atom) => molecule.getImplicitHydrogens(atom) !== 0);
  return same && !lacks ? molecule : undefined;
}

/** Seeds as openchemlib takes them: it draws one by itself for 0, and takes whole numbers of 31 bits. */
const ownSeed = (seed: number) => 1 + seed % (2 ** 31 - 1);

/** The source. Its tables are read when it is made, some 10 ms. */
export function createOpenchemlibSource(): PositionSource {
  Resources.registerFromNodejs();
  return {
    name: "openchemlib",
    *draw(graph, most, seed) {
      const n = graph.atomicNumbers.length;
      if (n === 1) return yield new Float64Array(3);
      const molecule = moleculeOf(graph), generator = new ConformerGenerator(ownSeed(seed));
      (generator as unknown as Inside).oclGenerator.mRigidFragmentProvider.mCache.clear();
      if (!molecule || !generator.initializeConformers(molecule)) return;
      for (let drawn = 0; drawn < most; drawn++) {
        const conformer = generator.getNextConformerAsMolecule();
        if (!conformer || conformer.getAllAtoms() !== n) return;
        yield Float64Array.from({ length: 3 * n }, (_, k) => {
          const atom = Math.floor(k / 3);
          return [conformer.getAtomX(atom), conformer.getAtomY(atom), conformer.getAtomZ(atom)][k % 3];
        });
      }
    },
  };
}
