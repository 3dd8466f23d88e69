/**
 * The molecules that MMFF94 is compared on, as JSON on stdout for `reference.py`: of QM9's test split, every 16th at first, until there are 600.
 *
 *     deno run -A tests/chem/mmff94/molecules.ts | python3 tests/chem/mmff94/reference.py | gzip -9n > tests/chem/mmff94/qm9.json.gz
 */
import { bondsOf } from "../../../chem/bonds.ts";
import { setChargesApart } from "../../../chem/charges.ts";
import type { Molecule } from "../../../chem/molecule.ts";
import { openQm9, type Qm9 } from "../../../chem/qm9.ts";
import { random } from "../../../model/diffusion/random.ts";

/** How many, and every how manieth of the split. */
export const COUNT = 600, STRIDE = 16;

/** Standard deviation of the noise on positions, angstrom: such molecules are as strained as drawn ones. */
export const NOISE = 0.08;

/** A molecule with bonds and charges, and positions as in the data and with noise. */
export interface Compared {
  readonly row: number;
  readonly atomicNumbers: number[];
  readonly charges: number[];
  readonly bonds: { readonly i: number; readonly j: number; readonly order: 1 | 2 | 3 }[];
  readonly positions: number[];
  readonly noisy: number[];
}

/** A molecule of the data with its graph. */
export function withGraph(row: number, plain: Molecule): Compared {
  const { molecule, bonds } = setChargesApart(plain, bondsOf(plain)), draw = random(row);
  const positions = Array.from(molecule.positions, (x) => Number(x.toFixed(6)));
  return {
    row,
    atomicNumbers: [...molecule.atomicNumbers],
    charges: [...molecule.charges ?? new Int8Array(molecule.atomicNumbers.length)],
    bonds: [...bonds],
    positions,
    noisy: positions.map((x) => Number((x + NOISE * draw.normal()).toFixed(4))),
  };
}

/** The molecules in QM9. */
export function comparedMolecules(data: Qm9): Compared[] {
  return Array.from({ length: COUNT }, (_, k) => {
    const row = data.split.test[k * STRIDE];
    return withGraph(row, data.molecule(row));
  });
}

if (import.meta.main) console.log(JSON.stringify(comparedMolecules(await openQm9())));
