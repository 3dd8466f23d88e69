/** A few small molecules for tests of training. */
import type { Molecule } from "../../../chem/molecule.ts";
import { type ExampleSet, packExamples, toExample } from "../../../model/networks/heavy_atom/examples.ts";
import { QM9_CLASSES } from "../../../model/networks/heavy_atom/space.ts";

/** Ethanol, near its equilibrium. */
export const ethanol: Molecule = {
  atomicNumbers: new Uint8Array([6, 6, 8, 1, 1, 1, 1, 1, 1]),
  // deno-fmt-ignore
  positions: new Float32Array([
    1.1879, -0.3829, 0.0, 0.0, 0.5526, 0.0, -1.1867, -0.2472, 0.0,
    2.1119, 0.1996, 0.0, 1.1609, -1.0203, 0.8869, 1.1609, -1.0203, -0.8869,
    0.0227, 1.1984, 0.8854, 0.0227, 1.1984, -0.8854, -1.9422, 0.3579, 0.0,
  ]),
};

/** Hydrogen cyanide's big sister, HC≡C-C≡N. */
export const cyanoacetylene: Molecule = {
  atomicNumbers: new Uint8Array([6, 6, 6, 7, 1]),
  positions: new Float32Array([0, 0, 0, 1.205, 0, 0, 2.583, 0, 0, 3.742, 0, 0, -1.062, 0, 0]),
};

/** Both, as examples of three and four heavy atoms. */
export function smallExamples(): ExampleSet {
  return packExamples([ethanol, cyanoacetylene].map((molecule) => toExample(molecule, QM9_CLASSES)));
}
