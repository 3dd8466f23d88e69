/** A tiny pair-attention model with random weights, written to disk as any model is, for tests. */
import { join } from "node:path";
import { writeRandomModel } from "../../bench/random_model.ts";
import type { CardInput } from "../../model/models/card.ts";
import { initialise } from "../../model/networks/pair_attention/initialise.ts";
import { sizesOf } from "../../model/networks/pair_attention/parameters.ts";
import { widened } from "../../model/networks/pair_attention/levels.ts";
import { random } from "../../model/diffusion/random.ts";
import { readSafetensors, type WritableTensor, writeSafetensors } from "../../model/diffusion/safetensors.ts";
import { readCard } from "../../model/models/card.ts";
import { readWeights, studentBytes } from "../../model/models/weights.ts";

/** What of the card to change. */
export type CardChanges = Partial<CardInput>;

/** Of all tiny models. */
const TINY = { width: 16, blocks: 1 };

/** Writes `<root>/<name>`: a model of width 16 and one block, and its students. Returns its folder. */
export async function writeTinyModel(root: string, changes: CardChanges = {}): Promise<string> {
  const { card, folder } = await writeRandomModel(root, TINY, {
    version: "test",
    sizes: { "3": 2, "4": 5, "5": 3 },
    ...changes,
  });
  const { denoiser } = card, entry = denoiser.type === "pair-attention" ? denoiser : {};
  for (const { file, levels, guidance } of card.distilled ?? []) {
    const tensors = initialise(card.space, sizesOf({ ...entry, ...TINY }, { guidance }), 2);
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

/** Weights near others, as a student's are to its teacher's: noise of spread 0.001 added. */
export function near(tensors: ReadonlyMap<string, WritableTensor>, seed: number): Map<string, WritableTensor> {
  const stream = random(seed);
  return new Map(
    [...tensors].map((
      [name, { shape, data }],
    ) => [name, { shape, data: data.map((v) => v + 0.001 * stream.normal()) }]),
  );
}

/** Puts a student's weights into a model's folder as differences from its denoiser. @returns what they are to be, to rounding */
export async function writeCompact(folder: string, file: string, levels = 0): Promise<Map<string, WritableTensor>> {
  const card = await readCard(folder), base = await readWeights(join(folder, card.denoiser.file));
  const tensors = near(levels ? widened(base, levels) : base, 3);
  await Deno.writeFile(join(folder, file), (await studentBytes(folder, card, tensors))!);
  return tensors;
}

/** Turns a bit of a file of weights over, in the last number's fraction: another number, and finite. */
export async function flip(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  bytes[bytes.length - 4] ^= 1;
  await Deno.writeFile(path, bytes);
}

/** Puts a number at place 3 of the first tensor of a file of weights. */
export async function spoil(path: string, value: number): Promise<void> {
  const tensors = readSafetensors(await Deno.readFile(path));
  tensors.values().next().value!.data[3] = value;
  await Deno.writeFile(path, writeSafetensors(tensors));
}

/** Runs a test with a folder that is removed afterwards. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "molstep-" });
  try {
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
