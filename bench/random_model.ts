/** A model of the shipped one's sizes with random weights: for what can be measured before there is a trained one. */
import { join } from "node:path";
import type { CardInput } from "../model/card.ts";
import { ANGSTROM, heavyAtomSpace, ONE_HOT, QM9_CLASSES } from "../model/heavy_atom/space.ts";
import { initialise } from "../model/pair_attention/initialise.ts";
import { writeSafetensors } from "../model/safetensors.ts";

/** Writes the model `<root>/qm9`. */
export async function writeRandomModel(root: string): Promise<void> {
  const space = heavyAtomSpace(), sizes = { width: 192, blocks: 6 }, folder = join(root, "qm9");
  const card: CardInput = {
    name: "qm9",
    version: "random",
    description: "Random weights",
    license: "MIT",
    kind: "molstep",
    counts: "heavyAtoms",
    space,
    schedule: { type: "cosine", factor: 0.9995 },
    denoiser: { type: "pair-attention", ...sizes, file: "denoiser.safetensors" },
    autoencoder: {
      type: "heavy-atom",
      classes: QM9_CLASSES.map(([element, hydrogens]) => [element, hydrogens]),
      scale: ANGSTROM,
      oneHot: ONE_HOT,
    },
    sizes: { "9": 1 },
  };
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "card.json"), JSON.stringify(card));
  await Deno.writeFile(join(folder, "denoiser.safetensors"), writeSafetensors(initialise(space, sizes, 1)));
}
