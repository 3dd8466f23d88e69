/** Models of our own kind with random weights: for what can be measured, or tested, without a trained one. */
import { join } from "node:path";
import type { CardInput } from "../model/models/card.ts";
import { ANGSTROM, heavyAtomSpace, ONE_HOT, QM9_CLASSES } from "../model/networks/heavy_atom/space.ts";
import { initialise } from "../model/networks/pair_attention/initialise.ts";
import { sizesOf } from "../model/networks/pair_attention/parameters.ts";
import { writeSafetensors } from "../model/diffusion/safetensors.ts";

/** Of a denoiser. */
interface RandomSizes {
  readonly width: number;
  readonly blocks: number;
}

/** Those of `weights/qm9` up to version 5, which benchmarks of random weights go on with, so that their results can be compared. */
const USUAL_SIZES: RandomSizes = { width: 192, blocks: 6 };

/** Writes `<root>/<name>`, `qm9` where `changes` to its card name no other. @returns the card and the folder */
export async function writeRandomModel(
  root: string,
  sizes: RandomSizes = USUAL_SIZES,
  changes: Partial<CardInput> = {},
): Promise<{ card: CardInput; folder: string }> {
  const file = "denoiser.safetensors";
  const card: CardInput = {
    name: "qm9",
    version: "random",
    description: "Random weights",
    license: "MIT",
    kind: "molstep",
    counts: "heavyAtoms",
    space: heavyAtomSpace(),
    schedule: { type: "cosine", factor: 0.9995 },
    denoiser: { type: "pair-attention", ...sizes, file },
    autoencoder: {
      type: "heavy-atom",
      classes: QM9_CLASSES.map((kind) => [...kind]),
      scale: ANGSTROM,
      oneHot: ONE_HOT,
    },
    sizes: { "9": 1 },
    ...changes,
  };
  const folder = join(root, card.name);
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "card.json"), JSON.stringify(card));
  const all = card.denoiser.type === "pair-attention" ? sizesOf({ ...card.denoiser, ...sizes }) : sizes;
  await Deno.writeFile(join(folder, file), writeSafetensors(initialise(card.space, all, 1)));
  return { card, folder };
}
