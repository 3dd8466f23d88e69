/** Enters a finished round in its model's own folder: what ships with the model, rather than what a service adds to it. */
import { join } from "node:path";
import { cardPath, parseCard, writeCard } from "../models/card.ts";
import { writeAtomically } from "../diffusion/files.ts";
import { readWeightsFile, sha256Of, studentBytes } from "../models/weights.ts";
import { type RoundOutcome, STUDENT, versionOf } from "./result.ts";

/** File of a student that serves these step counts. */
export const studentFile = (steps: readonly number[]): string =>
  `steps-${[...steps].sort((a, b) => b - a).join("-")}.safetensors`;

/**
 * Writes the weights beside the card, as differences from the model's denoiser, and enters the student at each step count that it serves, in the place of
 * older ones. Its version is then another than the round's, as its weights are, to rounding.
 * The card is written last; weights that no entry names any more are removed after it.
 *
 * @param folder the model's
 * @param round the round's folder, finished
 * @throws RangeError for a round that made no student of this model; TypeError where the card, or the weights, are unsound
 */
export async function recordRound(folder: string, round: string, { entry, also }: RoundOutcome): Promise<void> {
  if (!entry) throw new RangeError(`${round} made a model of its own: its folder can be served as it is`);
  const fresh = [entry, ...also], steps = fresh.map((one) => one.steps), file = studentFile(steps);
  const { bytes, tensors } = await readWeightsFile(join(round, STUDENT));
  const path = cardPath(folder), card = JSON.parse(await Deno.readTextFile(path)), parsed = parseCard(card, path);
  const compact = await studentBytes(folder, parsed, tensors), written = compact ?? bytes, sha256 = sha256Of(written);
  const own = { file, sha256, ...compact && { version: versionOf(compact) } };
  const old: { steps: number; file: string }[] = parsed.distilled;
  const kept = (card.distilled ?? []).filter((one: { steps: number }) => !steps.includes(one.steps));
  const gone = old.filter((one) =>
    one.file !== file && !kept.some((other: { file: string }) => other.file === one.file)
  );
  card.distilled = [...kept, ...fresh.map((one) => ({ ...one, ...own }))].sort((a, b) => a.steps - b.steps);
  parseCard(card, path);
  await writeAtomically(join(folder, file), written);
  await writeCard(path, card);
  for (const one of new Set(gone.map(({ file }) => file))) await Deno.remove(join(folder, one));
}
