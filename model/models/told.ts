/** What a model's weights are told beside the time, as its card has it: properties, the guidance scale, a student's number of steps; and what of it is left out for its weaker self. */
import { MOST_TOLD, type PairAttentionEntry, sizesOf, toldRows } from "../networks/pair_attention/parameters.ts";
import type { ScaleRange } from "../networks/pair_attention/scale.ts";
import type { z } from "zod";
import type { denoiser } from "./card_parts.ts";

/** A card, as far as it says what its denoiser is. */
interface WithDenoiser {
  readonly denoiser: z.infer<typeof denoiser>;
}

/** A student of a card, as far as it says what it is told. */
interface Student {
  readonly steps: number;
  readonly file: string;
  readonly levels: number;
  readonly conditions?: true;
  readonly guidance?: ScaleRange;
}

/** Those of pair attention, which alone is told how far to be guided, and a number of steps. */
const entryOf = ({ denoiser }: WithDenoiser): PairAttentionEntry | undefined =>
  denoiser.type === "pair-attention" ? denoiser : undefined;

/** What a card's model can be asked for; nothing where it is told no properties. */
export const conditionsOf = ({ denoiser }: WithDenoiser) => denoiser.conditions ?? [];

/** The guidance scales that a model is told, or a student of it; undefined where it is told none. */
export const scalesOf = (card: WithDenoiser, student?: Pick<Student, "guidance">): ScaleRange | undefined =>
  student?.guidance ?? entryOf(card)?.guidance;

/** Whether a model has a weaker self, by which its estimates can be guided. */
export const hasWeaker = (card: WithDenoiser): boolean => entryOf(card)?.weakWithout !== undefined;

/** Whether a model draws positions for a graph that is given. */
export const drawsConformers = (card: WithDenoiser): boolean => entryOf(card)?.graph === true;

/** What of a card's networks is told that cannot be: where it stands, and why. */
export function toldFaults(
  card: WithDenoiser & { readonly distilled: readonly Student[] },
): { path: (string | number)[]; message: string }[] {
  const { distilled } = card, entry = entryOf(card), faults: ReturnType<typeof toldFaults> = [];
  const fault = (message: string, ...path: (string | number)[]) => void faults.push({ path, message });
  const properties = conditionsOf(card).length;
  if (entry?.weakWithout !== undefined && entry.weakWithout >= entry.blocks) {
    fault(`must be a block of the ${entry.blocks}, 0 to ${entry.blocks - 1}`, "denoiser", "weakWithout");
  }
  if (entry?.guidance && properties === 0) fault("needs conditions to be guided to", "denoiser", "guidance");
  distilled.forEach((student, i) => {
    const { file, levels, guidance } = student;
    for (const key of ["conditions", "guidance"] as const) {
      if (student[key] && properties === 0) fault("needs conditions of the denoiser", "distilled", i, key);
    }
    const rows = entry ? toldRows(sizesOf(entry, student)) : levels;
    if (rows > MOST_TOLD) {
      fault(`a network is told ${MOST_TOLD} features at most; with these it has ${rows}`, "distilled", i, "levels");
    }
    const scales = JSON.stringify(guidance);
    const other = distilled.slice(0, i).find((one) => one.file === file && JSON.stringify(one.guidance) !== scales);
    if (other) fault(`${file} has other scales in the entry for ${other.steps} steps`, "distilled", i, "guidance");
  });
  return faults;
}
