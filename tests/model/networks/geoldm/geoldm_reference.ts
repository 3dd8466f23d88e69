/** The reference values of a tiny GeoLDM, computed with its authors' code (see `../shared/reference/README.md`). */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Tf } from "../../../../model/networks/tf.ts";
import { type Card, readCard } from "../../../../model/models/card.ts";
import { createEgnnDenoiser } from "../../../../model/networks/egnn_denoiser.ts";
import { createGeoldmAutoencoder } from "../../../../model/networks/geoldm/autoencoder.ts";
import { importCheckpoint } from "../../../../model/models/import/import.ts";
import { readSafetensors, type StoredTensor } from "../../../../model/diffusion/safetensors.ts";
import { makeSchedule } from "../../../../model/diffusion/schedules.ts";

/** The folder of what is shared with the peers' code, outside the repository. */
export const SHARED = Deno.env.get("MOLSTEP_SHARED") ??
  fileURLToPath(new URL("../../../../../shared", import.meta.url));
const FOLDER = join(SHARED, "reference", "geoldm_tiny");

/** Its two files, as GeoLDM saves them. */
export const CHECKPOINT = { weights: join(FOLDER, "generative_model_ema.npy"), args: join(FOLDER, "args.pickle") };

/** Whether the reference is there; tests that need it are ignored where it is not. */
export const hasReference = existsSync(CHECKPOINT.weights);

/** Sizes of the three molecules, padded to 13 in the file. */
export const SIZES = [5, 9, 13], PADDED = 13;

/** The expected tensors. */
export function expectedTensors(): Map<string, StoredTensor> {
  return readSafetensors(Deno.readFileSync(join(FOLDER, "expected.safetensors")));
}

/** Rows of molecule `m` from a tensor `[..., 3, 13, width]` at the leading index, without padding. */
export function molecule({ shape, data }: StoredTensor, m: number, index = 0, width = shape.at(-1)!): Float32Array {
  const from = ((index * SIZES.length) + m) * PADDED * width;
  return data.slice(from, from + SIZES[m] * width);
}

/** The same for a tensor `[3, 13]`. */
export function perAtom(tensor: StoredTensor, m: number): Float32Array {
  return molecule(tensor, m, 0, 1);
}

/** The largest value of the real atoms of a tensor, at one leading index. */
export function largest(tensor: StoredTensor, index = 0, width = tensor.shape.at(-1)!): number {
  return Math.max(...SIZES.flatMap((_, m) => Array.from(molecule(tensor, m, index, width), Math.abs)));
}

/** Imports the checkpoint into a folder of its own and hands the card and the files' tensors on. */
export async function importTiny<T>(
  use: (card: Card, tensors: (file: string) => Map<string, StoredTensor>) => Promise<T>,
) {
  const root = await Deno.makeTempDir();
  try {
    const folder = await importCheckpoint({ ...CHECKPOINT, name: "tiny", to: root });
    return await use(await readCard(folder), (file) => readSafetensors(Deno.readFileSync(join(folder, file))));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** The imported model's parts. */
export function openTiny(tf: Tf) {
  return importTiny((card, tensors) => {
    if (card.denoiser.type !== "egnn" || card.autoencoder.type !== "geoldm") throw new Error("not a GeoLDM card");
    const schedule = makeSchedule(card.schedule), { denoiser: sizes, space } = card;
    const weights = tensors(sizes.file);
    const denoiser = createEgnnDenoiser(tf, { space, sizes, schedule }, weights);
    const autoencoder = createGeoldmAutoencoder(tf, card.autoencoder, tensors(card.autoencoder.file));
    return Promise.resolve({ card, schedule, sizes, space, weights, denoiser, autoencoder });
  });
}
