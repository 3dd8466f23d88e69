/** Weights that a run begins with, read from a file. */
import { basename, dirname } from "node:path";
import { absent } from "../diffusion/files.ts";
import { readCard } from "../models/card.ts";
import { readWeightsFile } from "../models/weights.ts";
import type { FirstValues } from "../engines/open_learner.ts";
import type { HeavyAtomClass } from "../diffusion/types.ts";
import { reclassed } from "../networks/pair_attention/reclass.ts";

/** Weights, and what the settings of the run say of where they came from. */
export interface First {
  readonly values: FirstValues;
  readonly told: { readonly file: string; readonly sha256: string };
}

/** The classes that the card beside a file names; undefined where there is no card. @throws TypeError where it is unsound */
async function classesBeside(path: string): Promise<readonly HeavyAtomClass[] | undefined> {
  const card = await readCard(dirname(path)).catch(absent);
  return card?.autoencoder.type === "heavy-atom" ? card.autoencoder.classes : undefined;
}

/**
 * Reads a safetensors file.
 *
 * @param classes of the run; a file whose card beside it names others is taken for them (`networks/pair_attention/reclass.ts`)
 * @throws as `readWeightsFile`; TypeError where the card beside it is unsound
 */
export async function readFirstValues(path: string, classes?: readonly HeavyAtomClass[]): Promise<First> {
  const { tensors, sha256 } = await readWeightsFile(path), own = classes && await classesBeside(path);
  const values = own && JSON.stringify(own) !== JSON.stringify(classes) ? reclassed(tensors, own, classes) : tensors;
  return { values, told: { file: basename(path), sha256 } };
}
