/** What the bench programs that draw molecules by a plan of their own say of these: of nine heavy atoms, by distances alone. */
import { createComposition } from "../chem/composition.ts";
import { summarise } from "../chem/metrics.ts";
import { createRdkit } from "../chem/rdkit.ts";
import { createValidator, type Validation } from "../chem/validator.ts";
import { createHeavyAtomAutoencoder } from "../model/networks/heavy_atom/autoencoder.ts";
import { random } from "../model/diffusion/random.ts";
import { PURPOSE } from "../model/diffusion/sizes.ts";
import type { Row } from "./table.ts";

/** Heavy atoms of the molecules drawn, as most of QM9's have. */
export const NODES = 9;

/** Molecules drawn at once. */
const AT_ONCE = 100;

/** A function that draws `count` molecules of a seed and gives their stability, uniqueness and composition in percent. */
export async function createJudge(
  count: number,
  seed: number,
): Promise<(draw: (indices: readonly number[]) => Promise<Float32Array>) => Promise<Row>> {
  const rdkit = await createRdkit(), validate = createValidator(rdkit), autoencoder = createHeavyAtomAutoencoder();
  return async (draw) => {
    const validations: Validation[] = [], composition = createComposition(rdkit);
    try {
      for (let at = 0; at < count; at += AT_ONCE) {
        const indices = Array.from({ length: Math.min(AT_ONCE, count - at) }, (_, k) => at + k);
        const streams = indices.map((index) => random(seed, index, PURPOSE.decode));
        const shape = { batch: indices.length, nodes: NODES };
        const molecules = await autoencoder.decode(await draw(indices), shape, streams);
        validations.push(...molecules.map((molecule) => validate(molecule, { inchikey: false })));
      }
      for (const { smiles } of validations) if (smiles !== null) composition.add(smiles);
      const { moleculeStability, validUnique } = summarise(validations);
      const { aromatic, alcohol } = composition.composition(),
        shares = { moleculeStability, validUnique, aromatic, alcohol };
      return Object.fromEntries(Object.entries(shares).map(([name, { value }]) => [`${name} %`, 100 * value]));
    } finally {
      composition.close();
    }
  };
}
