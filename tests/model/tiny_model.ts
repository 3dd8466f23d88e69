/** A tiny pair-attention model with random weights, written to disk as any model is, for tests. */
import { join } from "node:path";
import type { CardInput } from "../../model/card.ts";
import { heavyAtomSpace, QM9_CLASSES } from "../../model/heavy_atom/space.ts";
import { initialise } from "../../model/pair_attention/initialise.ts";
import { widened } from "../../model/pair_attention/levels.ts";
import { writeSafetensors } from "../../model/safetensors.ts";

/** What of the card to change. */
export type CardChanges = Partial<CardInput>;

/** Writes `<root>/<name>`: a model of width 16 and one block. Returns its folder. */
export async function writeTinyModel(root: string, changes: CardChanges = {}): Promise<string> {
  const name = changes.name ?? "qm9", folder = join(root, name), space = heavyAtomSpace();
  const card: CardInput = {
    name,
    version: "test",
    description: "Random weights",
    license: "MIT",
    kind: "molstep",
    counts: "heavyAtoms",
    space,
    schedule: { type: "cosine", factor: 0.9995 },
    denoiser: { type: "pair-attention", width: 16, blocks: 1, file: "denoiser.safetensors" },
    autoencoder: {
      type: "heavy-atom",
      classes: QM9_CLASSES.map(([element, hydrogens]) => [element, hydrogens]),
      scale: 1.6,
      oneHot: 0.5,
    },
    sizes: { "3": 2, "4": 5, "5": 3 },
    ...changes,
  };
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "card.json"), JSON.stringify(card));
  const tensors = initialise(space, { width: 16, blocks: 1 }, 1);
  await Deno.writeFile(join(folder, "denoiser.safetensors"), writeSafetensors(tensors));
  for (const { file, levels } of card.distilled ?? []) {
    const tensors = initialise(space, { width: 16, blocks: 1 }, 2);
    await Deno.writeFile(join(folder, file), writeSafetensors(levels ? widened(tensors, levels) : tensors));
  }
  return folder;
}

/** An entry of a card's `distilled`. */
export const student = (steps: number, version = "1"): NonNullable<CardInput["distilled"]>[number] => ({
  steps,
  file: `d${steps}-${version}.safetensors`,
  variant: "ddim",
  teacher: "qm9",
  version,
});

/** Runs a test with a folder that is removed afterwards. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "molstep-" });
  try {
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
